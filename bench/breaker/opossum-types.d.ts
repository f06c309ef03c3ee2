// Opossum brings no types; this is what the bench uses of it.
declare module "opossum" {
  export default class CircuitBreaker<Parameters extends unknown[]> {
    constructor(
      action: (...parameters: Parameters) => Promise<unknown>,
      options: {
        timeout?: number | false;
        resetTimeout?: number;
        volumeThreshold?: number;
      },
    );
    readonly opened: boolean;
    fire(...parameters: Parameters): Promise<unknown>;
  }
}
