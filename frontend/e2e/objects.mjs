// Every kind of object through its form against a running product: make, change, run, cancel, archive.
//
//   AIOPS_URL=http://127.0.0.1:3030 AIOPS_SETUP_TOKEN=... node e2e/objects.mjs
//
// AIOPS_USER, AIOPS_PASSWORD   account to make or to log in with
// AIOPS_PROMETHEUS             address of a Prometheus that answers (left out: the source is stored, not tested)
// AIOPS_SHOTS                  folder for screenshots (none)
import { openApp } from './app.mjs'

const origin = (process.env.AIOPS_URL ?? 'http://127.0.0.1:3030').replace(/\/$/, '')
const prometheus = process.env.AIOPS_PROMETHEUS ?? ''
const stamp = Date.now().toString(36)
const { page, shot, say, settled, walk, enter, finish } = await openApp({
  origin, token: process.env.AIOPS_SETUP_TOKEN ?? '', username: process.env.AIOPS_USER ?? 'admin', password: process.env.AIOPS_PASSWORD ?? 'correct-horse-battery', shots: process.env.AIOPS_SHOTS ?? '',
})
const form = page.locator('[data-test="form"]')
const item = (label) => form.locator('.el-form-item').filter({ has: page.locator(`.el-form-item__label:text-is("${label}")`) })

async function choose(label, option) {
  await item(label).locator('.el-select').first().click()
  await page.locator('.el-select-dropdown__item:visible').filter({ hasText: option }).first().click()
}
async function save(kind) {
  await page.click('[data-test="save"]')
  await page.waitForFunction((k) => new RegExp(`^/${k}/[0-9a-f-]{36}$`).test(location.pathname) && document.querySelector('[data-test="save"]')?.disabled, kind, { timeout: 10_000 }).catch(async () => {
    throw new Error(`${kind} was not saved: ${(await page.locator('main [role="alert"], .el-form-item__error').allInnerTexts()).join(' | ')}`)
  })
  await settled()
  say(`saved ${kind}: ${await page.locator('h1').innerText()}`)
  await shot(`made-${kind}`)
}
async function begin(kind, name) {
  await walk(`/${kind}/new`)
  await page.fill('input[name="name"]', `${name} ${stamp}`)
  const tags = item('Tags').locator('input')
  await tags.fill('e2e')
  await tags.press('Enter')
}

async function script() {
  await begin('scripts', 'count')
  await page.locator('.cm-content').first().click()
  await page.keyboard.press('Control+End')
  await page.keyboard.insertText('for i in $(seq 1 "${LINES_OUT:-5}"); do echo "line $i of $WORD"; sleep 0.3; done\necho trouble >&2\n')
  await page.click('button:has-text("Insert an example")')
  const schema = { type: 'object', required: ['WORD'], properties: { WORD: { type: 'string' }, LINES_OUT: { type: 'integer', default: 5 } } }
  await page.locator('.cm-content').nth(1).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(JSON.stringify(schema, null, 2))
  await save('scripts')
}
async function kase() {
  await begin('cases', 'count to ten')
  await choose('Script', `count ${stamp}`)
  await item('WORD').locator('input').fill('<b>counting</b>')
  await save('cases')
  // A change, with If-Match.
  await item('LINES_OUT').locator('input').fill('10')
  await item('LINES_OUT').locator('input').press('Tab')
  await save('cases')
}
async function runIt() {
  await page.click('[data-test="run-now"]')
  await page.waitForSelector('[data-test="run-form"]')
  await page.click('[data-test="start-run"]')
  await page.waitForURL('**/runs/*')
  await page.waitForSelector('[data-test="log"] .line.stderr', { timeout: 60_000 })
  await page.waitForSelector('[data-test="run-state"][data-state="succeeded"]', { timeout: 60_000 })
  const text = await page.locator('[data-test="log"]').innerText()
  if (!text.includes('line 10 of <b>counting</b>')) throw new Error(`the log lacks its last line: ${text}`)
  await shot('made-run')
  say(`run succeeded, ${await page.getAttribute('[data-test="log-lines"]', 'data-lines')} lines live`)
}
async function cancelOne() {
  await begin('cases', 'sleep')
  await form.locator('label:has-text("Own body")').click()
  await page.locator('.cm-content').first().click()
  await page.keyboard.insertText('echo begin\nsleep 120\n')
  await save('cases')
  await page.click('[data-test="run-now"]')
  await page.click('[data-test="start-run"]')
  await page.waitForURL('**/runs/*')
  await page.waitForSelector('[data-test="run-state"][data-state="running"]', { timeout: 60_000 })
  await page.click('button:has-text("Cancel run")')
  await page.click('.el-message-box button:has-text("Cancel run")')
  await page.waitForSelector('[data-test="run-state"][data-state="cancelled"]', { timeout: 60_000 })
  say('run cancelled')
}
async function source() {
  await begin('sources', 'metrics')
  await page.fill('input[name="url"]', prometheus || 'http://127.0.0.1:9')
  await page.click('[data-test="test-source"]')
  await page.waitForSelector('main [role="status"]', { timeout: 20_000 })
  const answer = await page.locator('main [role="status"]').innerText()
  if (prometheus && !answer.includes('It answers')) throw new Error(`the test of the source failed: ${answer}`)
  say(`source test: ${answer}`)
  await save('sources')
}
async function monitor() {
  await begin('monitors', 'up')
  await choose('Source', `metrics ${stamp}`)
  await item('Query').locator('textarea').fill('up')
  if (prometheus) {
    await page.click('[data-test="preview"]')
    await page.waitForSelector('[role="img"] canvas', { timeout: 20_000 })
  }
  await choose('Detector', 'Fixed limit')
  await save('monitors')
}
async function policy() {
  await begin('policies', 'restart')
  await choose('Case', `count to ten ${stamp}`)
  await page.click('label:has-text("Shadow")')
  await save('policies')
}
async function channel() {
  await begin('channels', 'hook')
  await page.fill('input[name="url"]', 'http://127.0.0.1:9/hook')
  await save('channels')
}
async function manager() {
  await begin('runtime-managers', 'docker')
  await choose('Kind', 'Docker')
  await form.locator('.el-form-item:has-text("Address") input').fill('unix:///nonexistent/docker.sock')
  await save('runtime-managers')
}
async function archive(kind) {
  await page.click('button:has-text("Archive")')
  await page.click('.el-message-box button:has-text("Archive")')
  await page.waitForURL(`${origin}/${kind}`)
  say(`archived one of ${kind}`)
}

let failure = null
try {
  await enter()
  await script()
  await kase()
  await runIt()
  await cancelOne()
  await source()
  await monitor()
  await policy()
  await archive('policies')
  await channel()
  await archive('channels')
  await manager()
  await archive('runtime-managers')
} catch (error) {
  failure = error
}
await finish(failure)
