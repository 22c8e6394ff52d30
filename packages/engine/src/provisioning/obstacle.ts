// What may keep a pod from a node that does not exist yet, as data; see reasons.ts.

/** One thing that stands between a pod and an instance type of a pool. */
export type Obstacle =
  /** The pool's limits: for every type when `nodes`, else for types with more of a resource than is left. */
  | { readonly constraint: 'limits'; readonly message: string }
  | { readonly constraint: 'taints'; readonly message: string }
  /** Labels that the pool or the type cannot have. */
  | { readonly constraint: 'requirements'; readonly keys: readonly string[]; readonly message: string }
  | { readonly constraint: 'volumes'; readonly message: string }
  | { readonly constraint: 'topology'; readonly message: string }
  | { readonly constraint: 'ports'; readonly message: string }
  /** Daemons included in what is wanted. */
  | {
      readonly constraint: 'resources'
      readonly lacking: readonly { readonly resource: string; readonly wants: number; readonly has: number }[]
      readonly message: string
    }
  /** No available offering in the zones and capacity types asked for. */
  | { readonly constraint: 'offering'; readonly available: readonly string[]; readonly message: string }
  | { readonly constraint: 'minValues'; readonly message: string }
  | { readonly constraint: 'reserved'; readonly message: string }

export interface TypeObstacles {
  readonly pool: string
  /** Undefined: the whole pool. */
  readonly instanceType: string | undefined
  readonly obstacles: readonly Obstacle[]
}
