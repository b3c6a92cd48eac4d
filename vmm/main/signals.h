/* SPDX-License-Identifier: Apache-2.0 */
/* Fatal signals: one log line, the terminal back to normal, the contract's exit code. */
#ifndef BP_MAIN_SIGNALS_H
#define BP_MAIN_SIGNALS_H

/* Once, before threads exist. 0 or -errno. SIGPIPE is counted and survived. */
int signals_install(void);

#endif
