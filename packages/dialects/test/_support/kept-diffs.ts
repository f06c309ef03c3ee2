import { DiffHandler, type KeptDiff } from "@signalbox/control-plane";
import type { ApiResponse, DiffDocument, GateDiff } from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";

const OBJECT = "b".repeat(40);

const DOCUMENT: DiffDocument = {
  v: 1,
  base: OBJECT,
  tree: OBJECT,
  stats: { files: 1, added: 1, removed: 0 },
  files: [{ path: "a.txt", status: "added", added: 1, removed: 0, isBinary: false }],
  text: "+a\n",
  isRedacted: false,
  cut: null,
};

/** The real handler, where every session has changed the same one file, and every gate shows that. */
export class KeptDiffs extends DiffHandler {
  override async latest(): Promise<KeptDiff> {
    const document = { sha256: sha256Hex(JSON.stringify(DOCUMENT)), bytes: 1 };
    const diffHash = sha256Hex(DOCUMENT.text);
    return {
      snapshot: { base: OBJECT, tree: OBJECT, document, diffHash, pack: document },
      takenAt: 0,
      isLeftover: false,
    };
  }

  override async read(): Promise<DiffDocument> {
    return DOCUMENT;
  }

  override async getGateDiff(gateId: string): Promise<ApiResponse<GateDiff>> {
    const { v: _, ...document } = DOCUMENT;
    const { snapshot } = await this.latest();
    const named = { diffHash: snapshot.diffHash, document: snapshot.document.sha256 };
    return { success: true, data: { ...document, ...named, gateId } };
  }
}
