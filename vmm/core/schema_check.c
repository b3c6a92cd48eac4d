/* SPDX-License-Identifier: Apache-2.0 */
/* The schema checker: walks a document in order, as a streaming reader would; no recursion. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/schema_impl.h"
#include "core/schema_text.h"

struct frame {
    const struct schema_node *node;
    const struct bp_json *v; /* an object or array */
    uint32_t at;             /* token index of the next member or element */
    uint64_t seen;           /* properties met so far */
};

struct check {
    const struct schema *s;
    struct buf text;
    uint32_t depth;
    struct frame stack[JSON_DEPTH_MAX + 1];
};

static int refuse_type(struct check *c, const struct schema_node *n, const struct bp_json *v)
{
    /* A list stands for a struct's members in order; it is short of some here. */
    if (v->type == BP_J_ARR && n->title && (n->types & TYPE_BIT(BP_J_OBJ))) {
        buf_fmt(&c->text, "invalid length %u, expected struct %s with %u element%s", v->count,
                n->title, n->n_props, n->n_props == 1 ? "" : "s");
        text_where(&c->text, v, where_end(v));
        return -EINVAL;
    }
    buf_str(&c->text, "invalid type: ");
    text_found(&c->text, v);
    buf_str(&c->text, ", expected ");
    text_wanted(&c->text, n);
    text_where(&c->text, v, where_type(v));
    return -EINVAL;
}

static int refuse_value(struct check *c, const struct schema_node *n, const struct bp_json *v)
{
    buf_str(&c->text, "invalid value: ");
    text_found(&c->text, v);
    buf_str(&c->text, ", expected ");
    text_wanted(&c->text, n);
    text_where(&c->text, v, where_end(v));
    return -EINVAL;
}

static int refuse_decoded(struct check *c, const char *why, const struct bp_json *v)
{
    buf_str(&c->text, why);
    text_where(&c->text, v, where_decoded(v));
    return -EINVAL;
}

static bool among(const struct bp_json *names, const struct bp_json *v)
{
    if (!names) {
        return false;
    }
    for (uint32_t i = 0; i < names->count; i++) {
        const struct bp_json *name = json_at(names, i);

        if (name->str_len == v->str_len && memcmp(name->str, v->str, v->str_len) == 0) {
            return true;
        }
    }
    return false;
}

static int check_enum(struct check *c, const struct schema_node *n, const struct bp_json *v)
{
    if (v->type != BP_J_STR) {
        if (n->on_enum) {
            return refuse_type(c, n, v);
        }
        buf_str(&c->text, "expected value");
        text_where(&c->text, v, (size_t)v->start + 1);
        return -EINVAL;
    }
    if (among(n->variants, v) || among(n->aliases, v)) {
        return 0;
    }
    if (n->on_enum) {
        return refuse_decoded(c, n->on_enum, v);
    }
    buf_fmt(&c->text, "unknown variant `%s`, ", v->str);
    for (uint32_t i = 0; i < n->variants->count; i++) {
        text_choice(&c->text, i, n->variants->count, json_at(n->variants, i)->str);
    }
    if (n->variants->count == 0) {
        buf_str(&c->text, "there are no variants");
    }
    text_where(&c->text, v, where_end(v));
    return -EINVAL;
}

static bool below(const struct bp_json *v, int64_t min)
{
    if (v->int_neg) {
        return (int64_t)v->int_val < min;
    }
    return min > 0 && v->int_val < (uint64_t)min;
}

static bool above(const struct bp_json *v, uint64_t max)
{
    return !v->int_neg && v->int_val > max;
}

static int check_int(struct check *c, const struct schema_node *n, const struct bp_json *v)
{
    const struct schema_format *f = n->format;

    if (f && f->is_int && (below(v, f->min) || above(v, f->max))) {
        return refuse_value(c, n, v);
    }
    if (n->has_min && below(v, n->min)) {
        return n->on_min ? refuse_decoded(c, n->on_min, v) : refuse_value(c, n, v);
    }
    if (n->has_max && above(v, n->max)) {
        return n->on_max ? refuse_decoded(c, n->on_max, v) : refuse_value(c, n, v);
    }
    return 0;
}

static bool is_ipv4(const struct bp_json *v)
{
    struct in_addr addr;

    return strlen(v->str) == v->str_len && inet_pton(AF_INET, v->str, &addr) == 1;
}

/* Six groups of two hexadecimal digits. */
static bool is_mac(const struct bp_json *v)
{
    if (v->str_len != 17) {
        return false;
    }
    for (uint32_t i = 0; i < 17; i++) {
        const char *set = i % 3 == 2 ? ":" : "0123456789abcdefABCDEF";

        if (v->str[i] == '\0' || !strchr(set, v->str[i])) {
            return false;
        }
    }
    return true;
}

static int check_text(struct check *c, const struct schema_node *n, const struct bp_json *v)
{
    enum schema_text kind = n->format ? n->format->text : TEXT_ANY;

    if (kind == TEXT_ANY || (kind == TEXT_IPV4 && is_ipv4(v)) || (kind == TEXT_MAC && is_mac(v))) {
        return 0;
    }
    if (n->on_format) {
        return refuse_decoded(c, n->on_format, v);
    }
    if (kind == TEXT_MAC) {
        return refuse_value(c, n, v);
    }
    buf_str(&c->text, "invalid IPv4 address syntax");
    text_where(&c->text, v, where_end(v));
    return -EINVAL;
}

/* Judge a value as far as its first byte or, for scalars, whole. */
static int check_value(struct check *c, const struct schema_node *n, const struct bp_json *v)
{
    if (v->type == BP_J_NULL && n->on_null) {
        return refuse_decoded(c, n->on_null, v);
    }
    if (v->type == BP_J_NULL && (n->types & TYPE_BIT(BP_J_NULL))) {
        return 0;
    }
    if (n->variants) {
        return check_enum(c, n, v);
    }
    if (n->types && !(n->types & TYPE_BIT(v->type))) {
        return refuse_type(c, n, v);
    }
    if (v->type == BP_J_INT) {
        return check_int(c, n, v);
    }
    return v->type == BP_J_STR ? check_text(c, n, v) : 0;
}

/* Judge a value and, when it has members to look into, go there next. */
static int enter(struct check *c, const struct schema_node *n, const struct bp_json *v)
{
    int r = check_value(c, n, v);
    bool deeper = (v->type == BP_J_OBJ && (n->n_props || n->closed)) ||
                  (v->type == BP_J_ARR && (n->items || n->min_items));

    if (r < 0 || !deeper) {
        return r;
    }
    /* The parser's depth limit is the stack's size. */
    c->stack[c->depth++] = (struct frame){ .node = n, .v = v, .at = json_index(v) + 1 };
    return 0;
}

static int refuse_member(struct check *c, const struct schema_node *n, const struct bp_json *key)
{
    const char *text = json_text(key->doc, NULL);
    size_t at = (size_t)key->end + 1;

    buf_fmt(&c->text, "unknown field `%s`, ", key->str);
    for (uint32_t i = 0; i < n->n_props; i++) {
        text_choice(&c->text, i, n->n_props, c->s->props[n->props + i].name);
    }
    if (n->n_props == 0) {
        buf_str(&c->text, "there are no fields");
    }
    text_where(&c->text, key, at + strspn(text + at, " \n\t\r"));
    return -EINVAL;
}

static int refuse_twice(struct check *c, const struct bp_json *key)
{
    const char *text = json_text(key->doc, NULL);
    size_t at = (size_t)key->end + 1;

    buf_fmt(&c->text, "duplicate field `%s`", key->str);
    text_where(&c->text, key, at + strspn(text + at, " \n\t\r"));
    return -EINVAL;
}

static int step_object(struct check *c, struct frame *f)
{
    const struct schema_node *n = f->node;
    const struct bp_json *key = json_node(f->v->doc, f->at);

    f->at = key->next;
    for (uint32_t i = 0; i < n->n_props; i++) {
        const struct schema_prop *p = &c->s->props[n->props + i];

        if (p->name_len != key->str_len || memcmp(p->name, key->str, key->str_len) != 0) {
            continue;
        }
        if (f->seen & UINT64_C(1) << i) {
            return refuse_twice(c, key);
        }
        f->seen |= UINT64_C(1) << i;
        return enter(c, &c->s->nodes[p->node], key + 1);
    }
    return n->closed ? refuse_member(c, n, key) : 0;
}

static int step_array(struct check *c, struct frame *f)
{
    const struct bp_json *v = json_node(f->v->doc, f->at);

    f->at = v->next;
    return f->node->items ? enter(c, &c->s->nodes[f->node->items], v) : 0;
}

static int leave(struct check *c, const struct frame *f)
{
    const struct schema_node *n = f->node;

    if (f->v->type == BP_J_ARR && f->v->count < n->min_items) {
        buf_fmt(&c->text, "invalid length %u, expected at least %u element%s", f->v->count,
                n->min_items, n->min_items == 1 ? "" : "s");
        text_where(&c->text, f->v, where_end(f->v));
        return -EINVAL;
    }
    for (uint32_t i = 0; f->v->type == BP_J_OBJ && i < n->n_props; i++) {
        const struct schema_prop *p = &c->s->props[n->props + i];

        if (p->required && !(f->seen & UINT64_C(1) << i)) {
            buf_fmt(&c->text, "missing field `%s`", p->name);
            text_where(&c->text, f->v, where_end(f->v));
            return -EINVAL;
        }
    }
    c->depth--;
    return 0;
}

int schema_check(const struct schema *s, const struct bp_json *v, char *ret_detail, size_t cap)
{
    struct check c = { .s = s };
    int r = enter(&c, &s->nodes[0], v);

    while (r == 0 && c.depth > 0) {
        struct frame *f = &c.stack[c.depth - 1];

        if (f->at >= f->v->next) {
            r = leave(&c, f);
        } else if (f->v->type == BP_J_OBJ) {
            r = step_object(&c, f);
        } else {
            r = step_array(&c, f);
        }
    }
    if (r < 0) {
        (void)snprintf(ret_detail, cap, "%s", c.text.data ? c.text.data : "out of memory");
    }
    buf_done(&c.text);
    return r;
}
