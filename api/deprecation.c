/* SPDX-License-Identifier: Apache-2.0 */
/* Deprecated members of request bodies, as the route's schema declares them. */
#include "api/deprecation.h"

#include <string.h>

static bool used(const struct bp_json *prop, const struct bp_json *given)
{
    const struct bp_json *only = json_get(prop, "x-deprecated-value");
    int flag = 0;

    if (json_get(prop, "deprecated") == NULL ||
        json_bool(json_get(prop, "deprecated"), &flag) != 0 || flag == 0) {
        return false;
    }
    if (given != NULL && given->type == BP_J_NULL) {
        given = NULL;
    }
    if (only == NULL || only->type != BP_J_STR) {
        return given != NULL;
    }
    if (given == NULL) {
        given = json_get(prop, "default");
    }
    return given != NULL && given->type == BP_J_STR && strcmp(given->str, only->str) == 0;
}

bool deprecation_find(const char *schema_text, const struct bp_json *body, const char *method,
                      const char *path, struct buf *text)
{
    struct json_error je;
    struct json_doc *doc;
    const struct bp_json *props;
    bool found = false;

    if (schema_text == NULL || body->type != BP_J_OBJ ||
        strstr(schema_text, "\"deprecated\"") == NULL) {
        return false;
    }
    doc = json_parse(schema_text, strlen(schema_text), &je);
    props = doc == NULL ? NULL : json_get(json_root(doc), "properties");
    for (uint32_t i = 0, at = props == NULL ? 0 : json_index(props) + 1;
         props != NULL && i < props->count && !found; i++) {
        const struct bp_json *key = json_node(doc, at), *prop = json_node(doc, at + 1);

        if (used(prop, json_get(body, key->str))) {
            const struct bp_json *say = json_get(prop, "x-deprecated-text");

            found = true;
            if (say != NULL && say->type == BP_J_STR) {
                buf_fmt(text, "%s %s: %s", method, path, say->str);
            } else {
                buf_fmt(text, "%s %s: %s field is deprecated.", method, path, key->str);
            }
        }
        at = prop->next;
    }
    json_free(doc);
    return found;
}
