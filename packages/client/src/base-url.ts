/** An http(s) address without credentials and without a slash at its end; refuses anything else with a TypeError. */
export function readBaseUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new TypeError(`"${text}" is no address of a server; it looks like http://127.0.0.1:3000`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("the address of the server must not hold a user or password; give the token by itself");
  }
  if (url.search !== "" || url.hash !== "") throw new TypeError(`"${text}" must end with a host or a path`);
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
