/** What an entry of the state is, as deltas and snapshots number it. An export is a register of its own name space. */
export const KIND = { register: 0, counter: 1, set: 2, export: 3 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** How a text stands for a value: as the string that it is, or as the JSON of anything else. */
export const FORM = { string: 0, json: 1 } as const;
export type Form = (typeof FORM)[keyof typeof FORM];
