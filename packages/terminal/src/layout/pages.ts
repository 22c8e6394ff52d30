/** What is shown together: never torn apart by the end of a page. */
export interface PageItem {
  /** Lines it takes. */
  readonly height: number
  /** Lines it takes at the top of a page, where a heading may be repeated. */
  readonly heightOnTop: number
}

/** Fills pages of `height` lines from the top; an item taller than a page gets one for itself. */
export function paginate<T extends PageItem>(items: readonly T[], height: number): T[][] {
  const pages: T[][] = []
  let page: T[] = []
  let left = height
  for (const item of items) {
    if (item.height > left && page.length > 0) {
      pages.push(page)
      page = []
      left = height
    }
    left -= page.length === 0 ? item.heightOnTop : item.height
    page.push(item)
  }
  if (page.length > 0) pages.push(page)
  return pages
}
