/* SPDX-License-Identifier: Apache-2.0 */
/* The server's own messages go to the embedding program, or nowhere. */
static void
mg_cry_internal_impl(const struct mg_connection *conn,
                     const char *func,
                     unsigned line,
                     const char *fmt,
                     va_list ap)
{
	char buf[256];

	(void)func;
	(void)line;
	if ((conn == NULL) || (conn->phys_ctx->callbacks.log_message == NULL)) {
		return;
	}
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	(void)conn->phys_ctx->callbacks.log_message(conn, buf);
}
