/* SPDX-License-Identifier: Apache-2.0 */
/* The contract's header stands alone. */
#include <backplane/plugin.h>

int main(void)
{
    return BP_ABI_MAJOR;
}
