/** JSON as Go reads it: the door to this folder. */
export { goJsonObjectEntries, type JsonObjectEntries } from './entries.ts'
export { ladderParams, linearParams } from './params.ts'
export {
  decodeGoStruct,
  type DecodedStruct,
  type GoField,
  type GoStruct,
  type GoType,
  type GoValue,
  type GoValues,
} from './struct.ts'
