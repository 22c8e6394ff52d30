import { fileURLToPath } from 'node:url'

// The floors of docs/architecture.md: data flows one way, down the list. A room may import the rooms named for it and
// nothing else of ours. tools/layers.test.ts plants a violation and sees it found.

/** room → rooms it may import */
export const floors = {
  model: [],
  ports: ['model'],
  engine: ['model'],
  runtime: ['model', 'ports'],
  'cluster-autoscaler': ['model', 'ports', 'engine', 'runtime'],
  'proportional-autoscaler': ['model', 'ports', 'runtime'],
  'aws-provider': ['model', 'ports', 'runtime'],
  'kube-client': ['model', 'ports', 'runtime'],
  'aws-client': ['model', 'ports', 'runtime'],
  'embedded-kube': ['model', 'ports', 'runtime'],
  'embedded-cluster': ['model', 'ports', 'engine', 'runtime'],
  'embedded-aws': ['model', 'ports', 'runtime'],
  simulator: [
    'model',
    'ports',
    'engine',
    'runtime',
    'cluster-autoscaler',
    'proportional-autoscaler',
    'aws-provider',
    'embedded-kube',
    'embedded-cluster',
    'embedded-aws',
  ],
  terminal: ['model', 'ports', 'runtime'],
}

/** Tests may use the worlds as their laboratory. */
const tests = '(\\.test\\.ts$|^packages/[^/]+/test/)'

export default {
  forbidden: [
    ...Object.entries(floors).map(([room, allowed]) => ({
      name: `layers-${room}`,
      comment: `${room} may import only: ${allowed.join(', ') || 'nothing'}`,
      severity: 'error',
      from: { path: `^packages/${room}/`, pathNot: tests },
      to: { path: '^packages/', pathNot: `^packages/(${[room, ...allowed].join('|')})/` },
    })),
    {
      name: 'front-doors',
      comment: 'another room is entered through its index (or, for ports, its suites)',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: {
        path: '^packages/',
        pathNot: ['^packages/$1/', '^packages/[^/]+/src/index\\.ts$', '^packages/ports/src/suites/index\\.ts$'],
      },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['\\.generated\\.(ts|json)$', '/dist/'] },
    tsConfig: { fileName: fileURLToPath(new URL('tsconfig.json', import.meta.url)) },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
    },
    parser: 'swc',
  },
}
