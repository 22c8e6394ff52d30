/** 0 to 3, as glog counts severities: by the letter that a line begins with. */
export function severityOfLine(line: string): number {
  return Math.max(0, 'IWEF'.indexOf(line[0] ?? 'I'))
}
