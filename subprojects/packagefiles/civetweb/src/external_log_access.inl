/* SPDX-License-Identifier: Apache-2.0 */
/* No access log: the embedding program logs each request itself. */
static void
log_access(const struct mg_connection *conn)
{
	(void)conn;
}
