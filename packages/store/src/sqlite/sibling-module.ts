/** The address of a module beside another: it has the same ending, .ts from source and .js when built. */
export function siblingModule(name: string, besideUrl: string): URL {
  return new URL(`./${name}${besideUrl.slice(besideUrl.lastIndexOf("."))}`, besideUrl);
}
