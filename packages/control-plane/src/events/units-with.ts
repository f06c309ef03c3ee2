import type { SignalboxUnits } from "@signalbox/store";

/** The units whose result is of a kind. */
export type UnitWith<Kind> = {
  [Name in keyof SignalboxUnits]: ReturnType<SignalboxUnits[Name]> extends Generator<unknown, infer Result, unknown>
    ? Result extends Kind
      ? Name
      : never
    : never;
}[keyof SignalboxUnits];

/** What such a unit comes to. */
export type OutcomeOf<Name extends keyof SignalboxUnits, Kind> = Extract<
  SignalboxUnits[Name] extends (args: never) => Generator<unknown, infer Result, unknown> ? Result : never,
  Kind
> & { readonly isRepeated?: true };
