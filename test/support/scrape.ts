export interface Series {
  type: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

/** What Prometheus would read of /metrics, by the name of the series. Throws where its text format is not kept. */
export async function scrape(url: string, headers: Record<string, string> = {}): Promise<Map<string, Series>> {
  const response = await fetch(`${url}/metrics`, { headers });
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${await response.text()}`);
  const type = response.headers.get('content-type');
  if (type !== 'text/plain; version=0.0.4; charset=utf-8') throw new Error(`answered ${type}`);
  return read(await response.text());
}

function read(text: string): Map<string, Series> {
  const found = new Map<string, Series>();
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, declared, type] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (declared !== undefined) {
      if (found.has(declared)) throw new Error(`${declared} is there twice`);
      found.set(declared, { type: type!, samples: [] });
    } else if (!line.startsWith('# HELP ')) addSample(found, line);
  }
  return found;
}

function addSample(found: Map<string, Series>, line: string): void {
  const { name, labels = '', value } = SAMPLE.exec(line)?.groups ?? {};
  if (name === undefined || !/^([+-]?Inf|NaN|-?[\d.]+(e[+-]?\d+)?)$/i.test(value!))
    throw new Error(`no sample: ${line}`);
  const series = found.get(name) ?? found.get(name.replace(/_(bucket|sum|count)$/, ''));
  if (!series) throw new Error(`without a type: ${line}`);
  const sample = { name, labels: labelsOf(labels, line), value: Number(value!.replace('Inf', 'Infinity')) };
  const isSame = (other: (typeof series.samples)[number]) =>
    other.name === name && JSON.stringify(other.labels) === JSON.stringify(sample.labels);
  if (series.samples.some(isSame)) throw new Error(`there twice: ${line}`);
  series.samples.push(sample);
}

function labelsOf(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined) throw new Error(`no labels: ${line}`);
    labels[name] = value!;
  }
  return labels;
}
