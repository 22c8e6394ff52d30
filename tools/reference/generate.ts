// Writes docs/reference/*-flags.md from the flag tables: `node tools/reference/generate.ts`.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { flagPages } from './flag-page.ts'

for (const { file, text } of flagPages) writeFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), text)
