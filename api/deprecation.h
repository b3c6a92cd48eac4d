/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which members of a request are deprecated is said by the route's schema: "deprecated": true on a
 * property marks every use of it; with "x-deprecated-value" only that value does, given or by
 * "default"; "x-deprecated-text" replaces the standard sentence.
 */
#ifndef BP_API_DEPRECATION_H
#define BP_API_DEPRECATION_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/json.h"

/* True when the body uses something deprecated; the log line's text is added to `text`. */
bool deprecation_find(const char *schema_text, const struct bp_json *body, const char *method,
                      const char *path, struct buf *text);

#endif
