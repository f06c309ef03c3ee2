/** One line of a metric: its labels as they are written, and its value. */
export type Sample = readonly [labels: string, value: number];

/** A metric of this server as Prometheus reads it. */
export function metric(name: string, type: "counter" | "gauge", samples: readonly Sample[]): string[] {
  const full = `signalbox_${name}`;
  return [`# TYPE ${full} ${type}`, ...samples.map(([labels, value]) => `${full}${labels} ${value}`)];
}

/** One label with its value. */
export function label(name: string, value: string): string {
  return `${name}="${value.replace(/[\\"]/g, "\\$&")}"`;
}

/** Samples of numbers by the value of one label. */
export function samplesBy(name: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([value, number]) => [`{${label(name, value)}}`, number]);
}
