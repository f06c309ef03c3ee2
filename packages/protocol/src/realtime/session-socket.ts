/** Where a server takes the connections of those who follow sessions live. */
export const SESSION_SOCKET_PATH = "/api/v1/ws";
