/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka.h with the headers that it wants to come first. */
#ifndef BP_KIT_CMOCKA_H
#define BP_KIT_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
