/** Where the API is: the page's own origin, unless NEXT_PUBLIC_API_ORIGIN says otherwise (development). */
export const apiBase: string = (process.env.NEXT_PUBLIC_API_ORIGIN ?? "").replace(/\/+$/, "");

/** The address of `/ws` with a query. */
export function webSocketURL(query: URLSearchParams): string {
  const base = new URL(apiBase || window.location.origin);
  base.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  base.pathname = "/ws";
  base.search = query.toString();
  return base.toString();
}
