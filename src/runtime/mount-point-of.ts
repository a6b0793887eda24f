// Finds the mount that a path lies on, in mountinfo's text. Pure. proc(5)

/** Paths have spaces, tabs, newlines and backslashes as \040 and so on. */
const unescape = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));

/** The mount point that `path`, absolute and without links, lies below or is. */
export function mountPointOf(mountinfo: string, path: string): string {
  let longest = '/';
  for (const line of mountinfo.split('\n')) {
    const point = unescape(line.split(' ')[4] ?? '');
    const holds = point === path || path.startsWith(point.endsWith('/') ? point : `${point}/`);
    if (point !== '' && holds && point.length > longest.length) longest = point;
  }
  return longest;
}
