#!/usr/bin/env node
// Plain JavaScript on purpose: a Node older than 22.18 cannot load the TypeScript sources at all, so this file looks
// for one that can (the pinned `node` dev dependency) and runs itself again with it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const needed = [22, 18]

function runsTypeScript(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > needed[0] || (major === needed[0] && minor >= needed[1])
}

/** The `node` package's binary in the nearest node_modules above, or undefined. */
function bundledNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const binary = join(folder, 'node_modules', 'node', 'bin', name)
    if (existsSync(binary)) return binary
  }
  return undefined
}

if (runsTypeScript(process.versions.node)) {
  const { main } = await import('../src/main.ts')
  await main(process.argv.slice(2))
} else {
  const node = bundledNode()
  if (node === undefined) {
    process.stderr.write(
      `plimsoll needs Node ${needed.join('.')} or newer and found ${process.versions.node}; run \`npm ci\` to get one beside it\n`,
    )
    process.exit(1)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both; kill and npm send signals to this process only.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => {
    process.stderr.write(`plimsoll: ${node} does not start: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
