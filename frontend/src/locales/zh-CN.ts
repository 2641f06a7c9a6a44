// Chinese (simplified) texts.
import type { Messages } from './en'

export const zhCN: Messages = {
  app: { name: 'aiops', tagline: '“已修复”是测出来的结论。', skip: '跳到正文' },
  nav: {
    dashboard: '总览', incidents: '事件', runs: '测试运行', scripts: '测试脚本', cases: '测试用例', managers: '运行时管理器',
    policies: '修复策略', monitors: '监控项', sources: '数据源', channels: '通知渠道', audit: '审计', users: '用户',
    operate: '值守', automate: '自动化', observe: '观测', administer: '管理', main: '主导航', narrow: '收起菜单', wide: '展开菜单',
    queue: '队列', alerts: '外部告警', anomalies: '异常', logs: '日志', topology: '拓扑',
    schedules: '定时计划', secrets: '密文', apiKeys: 'API 密钥',
  },
  top: {
    language: '语言', theme: '配色', system: '跟随系统', light: '浅色', dark: '深色', help: '键盘帮助', logout: '退出登录',
    live: '实时', connecting: '连接中', waiting: '重连中', offline: '非实时',
    liveHint: '变化会自动出现，无需刷新。', offlineHint: '实时连接已断开，正在自动重试；当前内容可能不是最新。',
  },
  help: { title: '键盘操作', search: '定位到搜索框', go: '前往', help: '本帮助', close: '关闭对话框', then: '然后', move: '在字段和按钮间移动', row: '打开选中的行' },
  common: {
    save: '保存', create: '创建', cancel: '取消', close: '关闭', retry: '重试', back: '返回', more: '加载更多', search: '搜索', all: '全部', none: '无', yes: '是', no: '否',
    name: '名称', tags: '标签', description: '说明', state: '状态', created: '创建时间', updated: '修改时间', actions: '操作', enabled: '启用', disabled: '停用',
    archive: '归档', archived: '已归档', showArchived: '显示已归档', new: '新建', edit: '编辑', open: '打开', add: '添加', remove: '移除', copy: '复制', copied: '已复制', seconds: '秒',
    addTag: '添加标签', tagHint: '按回车或逗号添加标签', tagBad: '标签为 1 到 64 个字符，最多 32 个', clear: '清除筛选', optional: '可选', required: '必填',
    loading: '加载中', now: '刚刚', version: '版本 {n}', saved: '已保存', unsaved: '有未保存的修改', leave: '放弃未保存的修改并离开？', leaveYes: '离开', stay: '留下',
    archiveAsk: '归档“{name}”？归档后仍可查看，但不再启动任何东西。', value: '值', key: '名称', unknown: '未知', details: '详情', trace: '跟踪号', by: '{who}', duplicate: '复制一份',
    usual: '使用默认设置。', change: '修改',
  },
  empty: {
    filtered: '没有符合筛选条件的内容。', incidents: '没有事件，所有被监控的内容都正常。', runs: '还没有运行。可以运行一个测试用例，或由策略启动。',
    scripts: '还没有脚本。脚本可以复用，由用例提供参数值。', cases: '还没有用例。用例是可运行的：脚本加参数值，或自带内容。',
    managers: '没有运行时管理器，什么都无法运行。', policies: '没有策略。没有策略时只显示事件，不会启动修复。',
    monitors: '还没有监控项。监控项是数据源上的一个查询。', sources: '还没有数据源。请添加 Prometheus 或 Elasticsearch。', channels: '没有通知渠道，不会通知任何人。',
    audit: '还没有审计记录。', users: '没有用户。', events: '还没有发生任何事。', anomalies: '此事件没有关联的异常。', decisions: '还没有评估过策略。',
    verifications: '还没有测量：运行结束后才开始验证。', notifications: '没有通知。', log: '还没有输出。', incidentRuns: '此事件没有启动过运行。',
  },
  error: {
    network: '服务器没有响应', networkDo: '请确认 aiops 正在运行且本机可以访问，然后重试。',
    unauthenticated: '会话已结束', unauthenticatedDo: '请重新登录。', forbidden: '您的角色不允许此操作', forbiddenDo: '请向管理员申请相应的角色。',
    not_found: '内容不存在', not_foundDo: '可能从未存在，或地址有误。请返回列表。', conflict: '其他人刚刚修改了它', conflictDo: '重新加载查看对方的修改，或用您的内容覆盖。',
    invalid: '还有内容需要修正', invalidDo: '请修正标出的字段。', too_many: '请求过于频繁', too_manyDo: '请稍等一分钟再试。',
    timeout: '对方没有及时响应', timeoutDo: '请重试；如果经常发生，请查看数据源的健康状况。', unavailable: '所需的服务无法访问', unavailableDo: '请稍后重试；服务器的健康页会说明缺少什么。',
    internal: '服务器出错', internalDo: '请重试。如果仍然出现，请把跟踪号交给 aiops 的维护人员。', page: '此地址没有页面', home: '回到总览',
  },
  conflict: { title: '已被他人修改', text: '您编辑期间“{name}”被修改过（现为版本 {theirs}，您从版本 {mine} 开始编辑）。', reload: '加载对方的版本', overwrite: '用我的覆盖', later: '继续编辑' },
  login: {
    title: '登录', username: '用户名', password: '密码', submit: '登录', wrong: '用户名或密码不正确。', expired: '会话已结束，请重新登录。',
    points: { one: '自动发现指标和日志中的异常。', two: '在可靠的闸门之内，执行策略允许的修复。', three: '测量是否真正恢复：给出结论，或者叫人。' },
  },
  setup: {
    title: '首次启动', intro: '创建管理员。一次性令牌在服务器启动时打印在其输出中。', token: '初始化令牌', repeat: '再次输入密码', submit: '创建并登录',
    mismatch: '两次输入的密码不同', short: '至少 {n} 个字符', tokenNeeded: '请粘贴服务器输出中的令牌',
  },
  dashboard: {
    active: '进行中的事件', activeNone: '目前一切正常', detect: '发现用时', resolve: '恢复用时', median: '24 小时中位数', last24: '最近 24 小时', verdicts: '验证结论', verdictsNone: '24 小时内没有经过验证的运行。',
    sources: '数据源', monitors: '监控项', events: '最新动态', eventsNone: '等待动态，发生时会出现在这里。', allIncidents: '全部事件', healthy: '已修复并验证', opened: '个事件', noSources: '还没有配置数据源。', needsYou: '{n} 个需要人工处理', healed: '{of} 次中修复 {n} 次',
    noise: '噪声', noiseSub: '每日事件数与预算 {n} 的对比', noiseOver: '超出预算 {n}', noiseWithin: '在预算之内', noiseToday: '今天', noiseTop: '最吵', notificationsDay: '通知 {n} / {of}',
  },
  incident: {
    list: '事件', search: '搜索标题或对象', severity: '严重程度', minSeverity: '不低于', active: '进行中', any: '任意状态', entity: '对象', cause: '可能的原因', started: '开始', detected: '发现', duration: '持续', resolved: '恢复', attempts: '尝试次数', reopened: '复发 {n} 次',
    title: '事件', causes: '可能的原因', undetermined: '尚未确定', others: '同时受影响', evidence: '证据', fingerprint: '指纹', ackBy: '由 {who} 接手', trace: '跟踪',
    loop: '修复闭环', detectedStep: '发现', explainedStep: '归因', decidedStep: '决策', actedStep: '执行', verifiedStep: '验证', pending: '尚未', working: '进行中', asks: '等待人工', waits: '等待闸门', refused: '已拒绝', afterStart: '+{t}',
    timeline: '时间线', anomalies: '异常', decisions: '为什么执行（或没有执行）？', runs: '运行', verification: '验证', notifications: '通知', signals: '信号', response: '处置',
    acknowledge: '接手', comment: '备注', escalate: '升级', resolve: '关闭', start: '启动此步骤', commentPlaceholder: '您知道些什么？Ctrl+Enter 发送。', send: '发送', reason: '原因（写入时间线）',
    escalateAsk: '把此事件交给人处理？之后不再自动启动任何东西。', wasWhat: '这是什么情况？', wasReal: '确有故障', wasFalse: '误报', wasUnsaid: '不评价', wasHint: '评价会记到其全部异常：误报会降低监控项对这些序列的灵敏度，确有故障则恢复；评价会被记住。', resolveAsk: '手动关闭此事件？这不是测量得出的结论。', startAsk: '现在启动“{policy}”的第 {n} 步？', started1: '步骤已排队', done: '已完成', newer: '事件已被修改，已重新读取，请再试一次。',
    observed: '观测值', expected: '期望值', band: '期望范围', score: '异常分', logSamples: '日志行（已脱敏）', samplesMore: '显示全部 {n} 行', chartNone: '此序列没有存储的数据点。', showChart: '显示图表', episode: '时段', ongoing: '持续中', noChart: '日志异常没有序列，日志行就是证据。',
    markStart: '异常', markRun: '运行', markRunEnd: '运行结束', markVerdict: '结论', markDetected: '发现',
    gate: '闸门', passed: '通过', held: '拦住', inputs: '依据', step: '第 {n} 步', retryAt: '{t}再次评估', noPolicy: '没有策略', run: '运行', allGates: '{n} 个闸门全部通过', someGates: '{n} 个闸门中有 {held} 个拦住',
    baseline: '运行之前', round: '第 {n} 次采样', check: '条件', healthyRange: '健康范围', outside: '超出', inside: '健康', noData: '无数据', nextSample: '下次采样{t}', soakUntil: '观察期：{t} 前复发会重新打开', settle: '运行后等待 {t}', newest: '最新在前', oldest: '最早在前', actorUser: '{who}',
    channel: '渠道', topic: '主题', tries: '尝试', next: '下次尝试', nActive: '{n} 个进行中',
    alerts: '外部告警', more: '更多', assign: '分派', assignee: '分派给 {who}', nobody: '无人', assignTo: '登录名', assignMe: '由我处理', setSeverity: '更改严重程度', severityBy: '由 {who} 设定', merge: '合并到其他事件', mergeInto: '并入', mergeAsk: '其异常和告警会移过去，此事件以“已合并”结束。', mergedInto: '已合并到', merged: '由以下事件合并而来', splitFrom: '拆分自', split: '拆分', splitAsk: '选择要拆成独立事件的异常。', splitTitle: '新事件的标题', reopen: '重新打开', reopenAsk: '重新打开此事件？', chooseIncident: '选择事件', lead: '领先下一个 {n} 个百分点', undeterminedWhy: '没有突出的候选：证据不足，或指向多处。', path: '拓扑', movable: '运行或验证期间不能移动成员。',
  },
  run: {
    list: '测试运行', title: '运行', case: '用例', purpose: '目的', target: '目标', runtime: '运行时', started: '开始', duration: '用时', exit: '退出码', requestedBy: '发起者', queued: '排队', ended: '结束', anyCase: '任意用例', states: '状态', anyState: '任意状态',
    cancel: '取消运行', cancelAsk: '停止此运行？会结束整个进程树：先请求退出，再强制结束。', cancelAsked: '正在停止', reason: '原因', env: '环境变量', envNone: '没有给定的值。', script: '实际运行的脚本', expectations: '通过条件', expExit: '退出码为 {n}', expOutput: '输出包含', expDuration: '不超过 {t}',
    mode: '模式', timeout: '时限', manager: '运行时管理器', managerReason: '选择理由', epoch: '租约', key: '运行键', incident: '所属事件', step: '策略第 {n} 步', facts: '概要', log: '日志', follow: '跟随', download: '下载', searchLog: '搜索日志', hits: '{at} / {n}', noHits: '没有匹配', prev: '上一个', nextHit: '下一个', lines: '{n} 行', streams: '输出流', time: '时间', truncated: '较早的行不再显示，请下载完整日志。', again: '再次运行', hash: 'SHA-256', image: '镜像', wrapUp: '已结束',
    search: '搜索用例、目标、发起者、原因', anyPurpose: '任意目的', anyManager: '任意运行时管理器', batch: '同一次请求', ofSchedule: '同一定时计划', ofIncident: '同一事件', results: '结果', artifacts: '产物', attempts: '尝试', tail: '跳到末尾', earlier: '正在加载更早的行', stream: '输出流', anyStream: '全部输出', regex: '正则表达式', matchCase: '区分大小写', searching: '正在搜索完整日志', hitsSome: '{at} / 至少 {n}', missing: '缺少第 {from} 至 {to} 行', damaged: '第 {from} 至 {to} 行无法读取：{why}', stored: '已存储 {bytes}', wrap: '换行', attempt: '第 {n} 次尝试', attemptOf: '第 {n} 次，最多 {of} 次', nextAttempt: '下次尝试{t}', noAttempts: '只尝试过一次。', noArtifacts: '没有留下文件。脚本写入 $AIOPS_ARTIFACTS 下的文件会被保留。', noResults: '没有留下结果。脚本可将 JSON 写入 $AIOPS_RESULT，或在 $AIOPS_ARTIFACTS 下写 JUnit XML。', notYet: '运行结束后收集。', fileName: '文件', size: '大小', type: '类型', previewFile: '预览', tooLarge: '文件过大，无法预览，请下载。', noPreview: '此类型无法预览，请下载。', resultJson: '结果文档', tests: '测试', onlyBad: '只看失败的', testsSum: '通过 {passed}，失败 {failed}，跳过 {skipped}，用时 {t}', againSame: '以相同的值再次运行', cancelling: '正在停止：{t}请求；先礼貌地请求进程树退出，再强制结束。', deadline: '截止时间', priority: '优先级', version: '脚本版本', planned: '计划时间', restUntil: '等待下次尝试', limitsUsed: '{cpu} CPU，{memory}，{pids} 个进程', networkOn: '有网络', networkOff: '无网络', secrets: '密文', expMatches: '输出匹配', expResult: '结果 {path} {op} {value}', owner: '归属',
    since: '从', until: '到', time_range: '排队时间', anyTag: '任意标签', tag: '用例标签', anybody: '任意发起人',
  },
  script: {
    list: '测试脚本', one: '脚本', new: '新建脚本', language: '语言', mode: '模式', timeout: '时限（秒）', image: '容器镜像', imageHint: '用于 Docker 和 Kubernetes；留空则用运行时的默认镜像。', body: '内容', bodyHint: '参数值以同名环境变量传入，绝不拼接到文本中。',
    parameters: '参数（JSON Schema）', parametersHint: '对象类型的 schema，其属性会成为用例的表单。', parametersBad: '不是合法的 JSON：{error}', parametersShape: '请给出 object 类型的 JSON Schema', example: '插入示例', preview: '用户看到的表单', modeHint: '最多一次：可能已经开始的运行绝不会再次启动。', lines: '{n} 行',
    interpreter: '解释器', interpreterHint: '命令及其参数，每项一个词；脚本文件跟在其后。', imageNeeded: '语言为“其他”时需要镜像或解释器', contract: '约定', contractHint: '同一语言的附加脚本，各自可作为用例运行。', idempotent: '可重复执行', idempotentYes: '是：执行两次也无害', idempotentNo: '否：可能已经开始的运行绝不会再次启动', precheckHint: '动手之前的检查；失败则到此为止。', verifyHint: '事后检查是否生效。', undoHint: '撤销所做的改动。', addPart: '添加：{part}', versions: '版本', versionsHint: '每一版内容都会保留；恢复后成为最新版本。', compare: '比较', compareWith: '比较对象', restore: '恢复', restoreAsk: '将版本 {n} 的内容设为最新版本？', restored: '已恢复版本 {n}', newest: '最新', same: '没有差异。', changedFields: '有变化的字段：{fields}', diffTitle: '版本 {from} → {to}',
  },
  case: {
    list: '测试用例', one: '用例', new: '新建用例', kind: '运行什么', fromScript: '脚本', ownBody: '自带内容', script: '脚本', chooseScript: '选择脚本', values: '参数值', valuesHint: '以环境变量传入；留空则用脚本的默认值。', noParams: '此脚本没有参数。', runtimeTags: '运行时标签', runtimeTagsHint: '只使用带有全部这些标签的运行时管理器。',
    timeout: '时限（秒）', timeoutHint: '留空则用脚本的时限。', expectations: '满足以下条件即通过', exitCode: '退出码', contains: '输出包含', maxDuration: '在此时间内结束（秒）', run: '立即运行', runTitle: '运行“{name}”', target: '目标', targetHint: '操作对象，例如 service=checkout。同一目标同时只有一个运行。', start: '启动', last: '最近运行', addValue: '添加一个值',
    part: '运行脚本的哪一部分', version: '版本', versionNewest: '始终使用最新版本', versionPinned: '版本 {n}', priority: '优先级', priorityHint: '-100 到 100，数值大的优先；留空则按目的决定。', matches: '输出匹配（正则表达式）', resultChecks: '结果', resultHint: '对脚本写入 $AIOPS_RESULT 的 JSON 的条件。', addCheck: '添加条件', path: '路径，例如 /rows/0', moreExpect: '更多条件',
  },
  manager: {
    list: '运行时管理器', one: '运行时管理器', new: '新建运行时管理器', kind: '类型', endpoint: '地址', endpointHint: '例如 unix:///var/run/docker.sock 或 https://cluster:6443', capacity: '容量', capacityHint: '同时运行的数量。', draining: '排空中', drainHint: '完成正在运行的，不再接受新的。', drain: '排空', undrain: '重新接受运行', latency: '响应', checked: '检查', platform: '平台', runsAtOnce: '同时 {n} 个', lastOk: '上次健康：{t}',
    settings: '设置', images: '用例可使用的镜像', imagesHint: '* 代表任意字符；默认镜像总是允许。', defaultImage: '默认镜像', pull: '拉取镜像', network: '允许联网的用例所用网络', networkHint: '例如 bridge；留空则任何用例都没有网络。', user: '用户和组（数字）', work: '工作目录（MiB）', tmp: '/tmp（MiB）', tls: '与引擎之间使用 TLS', ca: '证书颁发机构（PEM 或路径）', cert: '我方证书（PEM 或路径）', key: '我方密钥（PEM 或路径）', kubeconfig: 'Kubeconfig', kubeconfigHint: '仅用于 https:// 地址；其中的登录命令会被拒绝。', context: '上下文', namespace: '命名空间', serviceAccount: '服务账号', serviceAccountHint: '其令牌会提供给脚本；留空则没有。', pullSecrets: '镜像仓库的 Secret', nodeSelector: '节点必须具有的标签', networkPolicy: '禁止无网络运行的流量', startLimit: '脚本开始前最长等待（秒）', grace: 'TERM 到 KILL 的间隔（秒）', keep: '保留已结束的 Job（秒）', dockerHint: 'unix:///var/run/docker.sock、tcp://host:2375 或 https://host:2376', kubernetesHint: 'in-cluster、运行器主机上 kubeconfig 的路径，或 https://host:6443', health: '健康', running: '正在运行', free: '已用 {n} / {of}', runs: '相关运行', test: '测试连接', history: '健康历史', historyNone: '这段时间没有检查记录。', testOk: '可以使用', testBad: '无法使用', span: '时间', spans: { h1: '1 小时', h24: '1 天', h168: '1 周' }, well: '健康', checks: '检查', checksOf: '{n} 次中失败 {failed} 次', p50: '半数响应不超过', p95: '95% 响应不超过', longest: '最长', failed: '失败', noOutage: '没有失败的检查。', goesOn: '仍在持续', moreOutages: '以及更早的 {n} 次',
  },
  policy: {
    list: '修复策略', one: '策略', new: '新建策略', priority: '优先级', priorityHint: '数字小的先评估。', match: '适用哪些事件', matchHint: '给出的条件必须全部满足；留空表示任意。', entities: '原因对象', entitiesHint: '* 代表任意字符，例如 service=check*', signals: '信号', monitorsField: '监控项', minSeverity: '严重程度不低于',
    steps: '步骤', stepsHint: '按顺序尝试；每一步都先测量再进入下一步。', step: '第 {n} 步', case: '用例', undo: '撤销用例', values: '此步骤的参数值', addStep: '添加步骤', up: '上移', down: '下移', autonomy: '自主程度', onFailure: '步骤没有修复时',
    gates: '闸门', gatesHint: '在运行排队的同一事务中检查并预留。', cooldown: '同一目标两次运行的间隔（秒）', attempts: '每个事件的尝试次数', breakerAfter: '连续失败多少次后熔断', breakerSecs: '熔断时长（秒）', targetsAtOnce: '同时操作的目标数', freshness: '可依据的最旧数据（秒）', limits: '限额', limit: '{secs} 秒内最多 {runs} 次', maxRuns: '次数', window: '时间窗（秒）', addLimit: '添加限额',
    verification: '验证', verificationHint: '如何测量效果。没有数据时结论是“无法判断”，绝不是“已修复”。', settle: '等待（秒）', samples: '连续健康采样数', interval: '采样间隔（秒）', deadline: '截止（秒）', soak: '观察期（秒）', recovery: '使用检测器自己的恢复准则', checks: '附加条件（PromQL）', addCheck: '添加条件', source: '数据源', query: '查询', limitValue: '界限', checkHint: '$entity_value 会替换为目标的带引号的值。',
    autonomyHint: { shadow: '只决策和记录，不执行。', suggest: '显示决策，由人启动。', approve: '先询问，批准后运行。', auto: '在闸门之内自动运行。' }, stepCount: '{n} 步',
    alertsField: '外部告警的名称', labelsField: '成员的标签',
  },
  monitor: {
    list: '监控项', one: '监控项', new: '新建监控项', source: '数据源', query: '查询', queryHint: 'PromQL', queryLogsHint: 'Elasticsearch 查询串；留空表示全部日志', interval: '间隔（秒）', signal: '测量内容', entityLabels: '标识对象的标签', detector: '检测器', op: '异常条件', limit: '界限', forSecs: '持续（秒）', afterSecs: '缺失时长（秒）', sensitivity: '灵敏度', sensitivityHint: '1：只报严重的；10：全部', direction: '方向', severity: '异常的严重程度', unit: '单位', unitHint: 's、%、bytes ……', maxSeries: '序列上限', muted: '静默至', preview: '预览', previewRun: '执行查询', previewNone: '查询没有返回序列。', previewSeries: '{n} 条序列，最近 15 分钟', previewFirst: '请选择数据源并输入查询。', previewReady: '执行查询可查看最近 15 分钟。', partial: '返回的数据不完整', checked: '检查', shownOf: '显示 {n} 条',
    rules: '附加规则', rulesHint: '固定界限与缺失，对每条序列判断。', addThreshold: '添加界限', addAbsence: '添加缺失规则', clear: '恢复值', ruleSeverity: '严重程度', asMonitor: '同监控项', mute: '静默', muteFor: '静默时长', unmute: '结束静默', mutedUntil: '静默至 {t}', muteHint: '静默期间仍会学习和显示，但不打开事件；操作会写入审计。', hours: '{n} 小时', days: '{n} 天', discovered: '自动发现', own: '自建', origin: '来源', anyHealth: '任意健康状况', feedback: '反馈', feedbackNone: '还没有人评价过它的异常。', effect: '对灵敏度的影响', effectNow: '设为 {set}，未评价处为 {left}', forget: '清除全部反馈', forgetAsk: '清除对此监控项异常的全部评价？灵敏度将恢复为所设的值。', forgotten: '反馈已清除', kindSeries: '异常种类', opinions: '意见数', left: '剩余', anomalies: '相关异常',
  },
  source: {
    list: '数据源', one: '数据源', new: '新建数据源', kind: '类型', url: '地址', urlHint: 'http://host:9090，不含用户名和密码', credentials: '凭据', username: '用户名', password: '密码', token: '令牌', key: 'API 密钥', secretKept: '已保存；输入新值可替换。', index: '索引模式', indexHint: '例如 logs-*', fields: '字段名', fieldsHint: '与 ECS 和 OpenTelemetry 不同时填写。', timeout: '请求时限（秒）', test: '测试', testing: '测试中', testOk: '连接正常', testBad: '响应不正常', latency: '响应', checked: '检查',
    fieldRoles: { timestamp: '时间', level: '级别', message: '消息', service: '服务', trace_id: '跟踪号' },
    webhook: '发送到此处的告警', entities: '标识对象的标签，优先者在前', entitiesHint: '都不存在时使用常见标签，如 service、pod、instance。', labelOf: '标签', kindOf: '类别', severityLabel: '严重程度标签', signalLabel: '信号标签', mapping: '请求体中各内容的位置（JSON 指针）', address: '发送方使用的地址', createToken: '创建令牌', newToken: '更换令牌', revoke: '吊销令牌', revokeAsk: '吊销令牌？在创建新令牌之前，投递都会被拒绝。', revoked: '令牌已吊销', replaceAsk: '创建新令牌？旧令牌会立即失效。', tokenOnce: '令牌只显示这一次，请立即复制。', tokenFirst: '请先保存数据源，再创建令牌。', tokenHint: '发送方使用各自的 Bearer 令牌证明身份。', snippet: '发送方配置', alertsOf: '来自它的告警',
  },
  discovery: {
    title: '自动发现', intro: 'Prometheus 中有什么，以及建议用哪些监控项来监控。采纳之前不会存储任何内容。', again: '重新查看', noSource: '没有可查看的 Prometheus 数据源。', empty: '此数据源还没有指标：请确认它在抓取目标。', metrics: '个指标', seriesAll: '条序列', scrape: '每 {n} 秒抓取一次', proposedN: '个建议', thereN: '个已在监控', leftOutN: '项被略去',
    proposed: '建议的监控项', none: '没有可建议的：没有已知的指标，也没有能从类型和名称判断的指标。', onlyNew: '只看新的', takeAll: '采纳全部 {n} 个新的', take: '采纳', takeMuted: '采纳并静默', taken: '已创建 {n} 个监控项', mute: '静默 7 天', there: '已在监控', fresh: '新', entities: '对象标签',
    leftOut: '被略去的', what: '内容', why: '原因及办法', series: '序列数', nothingLeft: '没有略去任何内容。', showAll: '显示全部 {n} 项', more: '另有 {n} 项未列出。',
  },
  leftOut: {
    internal_go: 'Go 运行时的内部指标', internal_process: '进程的内部指标；处理器时间、内存和文件已在监控', internal_python: 'Python 运行时的内部指标', internal_jvm: 'JVM 的内部指标；堆已在监控', internal_nodejs: 'Node.js 的内部指标；事件循环已在监控', internal_exporter: '导出器的内部指标', internal_prometheus: 'Prometheus 的内部指标', internal_scrape: '由 Prometheus 在每次抓取时写入', internal_aiops: '我们自己的指标', internal_alerts: 'Prometheus 的告警；它们经由 Alertmanager 到达', internal_collector: '采集器的内部指标',
    known_exporter: '属于已知的导出器，其关键信号已在监控；需要时请添加 PromQL 监控项', recording_rule: '记录规则：重复了其他指标；需要时请添加 PromQL 监控项', constant: '以标签表达信息，或是一个时间；其值不变', no_histogram: '类型为直方图，却既没有分桶也没有原生直方图；需要时请添加 PromQL 监控项', no_labels: '其序列没有标签 {labels}；需要时请添加 PromQL 监控项', beyond_families: '超出查看的 {most} 个指标族；需要时请添加 PromQL 监控项', beyond_monitors: '超出一个数据源建议的 {most} 个监控项；可在界面中创建', too_many_services: '{services} 个服务超出一个监控项的 {most} 个；请手动缩小范围', series_cut: '{series} 条序列中监控 {most} 条；请提高序列上限（最多 20000）或缩小查询', not_counted: '数据源没有统计出全部序列（{error}）',
  },
  channel: { list: '通知渠道', one: '渠道', new: '新建渠道', kind: '类型', url: '地址', secret: '签名密钥', secretHint: '请求使用 HMAC-SHA256 签名。', minSeverity: '起始严重程度' },
  audit: { list: '审计', seq: '序号', at: '时间', actor: '操作者', action: '动作', object: '对象', origin: '来源', hash: '哈希', intro: '每一行的哈希都覆盖前一行；用 “aiops audit verify” 检查整条链。' },
  user: { list: '用户', new: '新建用户', username: '用户名', role: '角色', password: '密码', newPassword: '新密码', passwordHint: '留空则不变。', created: '创建时间', you: '您', archiveAsk: '移除用户“{name}”？其会话会立即结束。', short: '至少 {n} 个字符' },
  topology: {
    intro: '谁依赖谁：调用方在左，被依赖方在右。事件沿这些关系合并，根因也沿这些关系查找。',
    empty: '目前还不知道谁依赖谁。在以下任一来源提供之前，只按时间和标签关联：',
    how1: 'Prometheus 中的服务图指标（OpenTelemetry collector、Tempo、Alloy）：traces_service_graph_request_total', how2: 'HTTP 客户端指标（http_client_request_duration_seconds）或 Istio 指标（istio_requests_total）',
    how3: 'kube-state-metrics：kube_pod_info、kube_pod_owner、kube_replicaset_owner、kube_endpoint_address', how4: '自备文件：将 topology_file（AIOPS_TOPOLOGY_FILE）设为如下的 YAML 或 JSON 文件',
    emptyIncident: '不知道这些实体依赖什么，因此无法画出到根因的路径。', howLink: '如何提供拓扑',
    around: '某实体周围', hops: '距离', nHops: '{n} 步', whole: '整张图', onlyAround: '只看周围', size: '{nodes} 个实体，{edges} 条依赖', omitted: '另有 {n} 个未显示；请选择一个实体',
    graphLabel: '{n} 个实体的图。方向键移动，回车选择。', nIncidents: '{n} 个事件', nAnomalies: '{n} 个未结束的异常', well: '无异常',
    needs: '依赖', neededBy: '被依赖', onlyRanked: '排序根因时已知，现已不再出现', stale: '一小时未见', pathTo: '到根因的路径：', noPath: '（没有已知路径从其他实体通向此处）',
    feeds: '拓扑来源', place: '类型', origin: '名称', edges: '依赖数', read: '最近读取',
    legend: { calls: '调用', contains: '组成、运行于', stale: '一小时未见，不参与判断', path: '到根因的路径', keys: '方向键移动，回车选择' },
  },
  change: { one: '变更' },
  changeKind: { deployment: '发布', scale: '扩缩容', config: '配置', run: '运行', other: '其他' },
  relation: { calls: '调用', contains: '组成', runs_on: '运行于' },
  edgeSource: { service_graph: '服务图', clients: 'HTTP 客户端', istio: 'Istio', kubernetes: 'Kubernetes', file: '文件' },
  severity: { info: '提示', warning: '警告', critical: '严重' },
  incidentState: { open: '未处理', acknowledged: '已接手', healing: '修复中', verifying: '验证中', resolved: '已恢复', escalated: '已升级', suppressed: '已抑制', merged: '已合并' },
  runState: { waiting_approval: '等待批准', queued: '排队', leased: '已分配', running: '运行中', cancelling: '停止中', succeeded: '成功', failed: '失败', timed_out: '超时', cancelled: '已取消', lost: '下落不明' },
  verdict: { fixed: '已修复', improved: '有改善', not_fixed: '未修复', worse: '更糟', inconclusive: '无法判断' },
  outcome: { run: '执行', wait: '等待', ask: '询问', refuse: '拒绝' },
  health: { ok: '正常', unknown: '尚未检查', learning: '学习中', no_data: '无数据', partial: '数据不完整', source_error: '数据源错误' },
  managerHealth: { source_error: '无法访问', no_data: '无响应', learning: '启动中' },
  signal: { latency: '延迟', errors: '错误', traffic: '流量', saturation: '饱和度', availability: '可用性', logs: '日志', other: '其他' },
  anomalyKind: { level: '水平', rate: '速率', threshold: '固定界限', absence: '缺失', entity: '多指标联动', log_error_rate: '日志错误率', new_template: '新日志模板', log_burst: '日志突增', alert: '外部告警' },
  anomalyState: { open: '持续', closed: '已恢复' },
  event: {
    opened: '打开', anomaly_added: '异常', anomaly_closed: '恢复正常', cause_ranked: '归因', decided: '决策', run_queued: '运行排队', run_started: '运行开始', run_ended: '运行结束', verification_started: '开始验证', verification_sampled: '采样', verdict: '结论', undo_queued: '撤销排队', resolved: '已恢复', escalated: '升级', reopened: '复发', acknowledged: '接手', comment: '备注', notified: '通知', assigned: '分派', severity_set: '更改严重程度', merged: '合并', split: '拆分',
  },
  mode: { at_most_once: '最多一次', at_least_once: '至少一次' },
  purpose: { manual: '手动', heal: '修复', undo: '撤销', scheduled: '定时' },
  autonomy: { shadow: '影子', suggest: '建议', approve: '批准后执行', auto: '自动' },
  onFailure: { next_step: '下一步，最后叫人', undo: '撤销，然后叫人', escalate: '立即叫人' },
  role: { viewer: '查看者', operator: '操作员', approver: '批准人', editor: '编辑者', admin: '管理员' },
  direction: { both: '双向', up: '只看偏高', down: '只看偏低' },
  notificationState: { pending: '待发送', delivered: '已送达', dead: '已放弃' },
  sourceKind: { prometheus: 'Prometheus', elasticsearch: 'Elasticsearch', alertmanager: 'Alertmanager', grafana: 'Grafana 告警', generic: '通用 Webhook（JSON）' },
  runtimeKind: { local: '本机', docker: 'Docker', kubernetes: 'Kubernetes' },
  language: { bash: 'Bash', sh: 'POSIX sh', python: 'Python 3', node: 'Node.js', other: '其他' },
  channelKind: { webhook: 'Webhook' },
  credentialKind: { none: '无', basic: '用户名和密码', bearer: 'Bearer 令牌', api_key: 'API 密钥' },
  detectorKind: { learned: '自动学习（无需设数值）', threshold: '固定界限', absence: '缺失', logs: '日志行' },
  gate: {
    archived: '策略在用', burning: '仍有异常', target_busy: '每个目标同时一个运行', targets_at_once: '同时目标数', enabled: '策略启用', maintenance: '维护窗口', cooldown: '冷却', limits: '限额', attempts: '尝试次数', max_attempts: '尝试次数', breaker: '熔断', blast_radius: '影响范围', max_targets: '同时目标数', concurrency: '每个目标同时一个修复', freshness: '数据新鲜度', approval: '批准', autonomy: '自主程度', echo: '自身运行的回声', target: '目标', steps: '剩余步骤', match: '匹配',
  },
  limits: {
    title: '资源限制', cpu: 'CPU（1 = 一个核）', memory: '内存（MiB）', pids: '进程数', file: '单个文件上限（MiB）', output: '保留的输出（MiB）', network: '网络', networkHint: '关闭时容器和 Pod 没有网络。', own: '使用自己的限制，不用脚本的',
  },
  retry: {
    title: '重试', attempts: '最多尝试次数', backoff: '首次间隔（秒）', maxBackoff: '最长间隔（秒）', codes: '以下退出码也重试', codesHint: '不可重复的脚本只在这些退出码之后重试。', own: '使用自己的重试，不用脚本的',
  },
  part: {
    act: '执行', precheck: '预检', verify: '验证', undo: '撤销',
  },
  resultOp: {
    eq: '等于', ne: '不等于', gt: '>', ge: '≥', lt: '<', le: '≤', contains: '包含', exists: '存在', absent: '不存在',
  },
  schema: {
    number: '请输入数字', integer: '请输入整数', min: '不小于 {n}', max: '不大于 {n}', pattern: '不符合 {pattern}', short: '至少 {n} 个字符', long: '最多 {n} 个字符', choice: '请从列表中选择', json: '不是合法的 JSON', fallback: '默认 {value}',
  },
  testOutcome: {
    passed: '通过', failed: '失败', error: '错误', skipped: '跳过',
  },
  logStream: {
    stdout: '标准输出', stderr: '错误输出', system: 'aiops 的说明',
  },
  queue: {
    title: '队列', intro: '正在等待、运行、暂停的内容及原因。', ready: '可立即开始', held: '因目标被占用而等待', resting: '重试前等待', oldest: '最久等待', active: '运行中', owners: '归属', waiting: '等待', managers: '运行时管理器', byState: '按状态', pause: '暂停', drain: '排空', resume: '恢复', pauseTitle: '暂停{what}', drainTitle: '排空{what}', whole: '整个队列', pauseHint: '不再开始新的运行；正在运行的继续。', drainHint: '同上，并在全部结束时给出提示。', reason: '原因（供他人查看）', paused: '已暂停', draining: '排空中', drained: '已排空：没有正在运行的内容。', since: '{by}，{t}', running: '正常启动', idle: '没有等待或运行的内容。', list: '等待与运行', used: '{n} / {of}',
  },
  platform: {
    os: '系统', kernel: '内核', arch: '架构', host: '主机', cpus: 'CPU', memory_bytes: '内存', running: '存活的运行', isolation: '隔离', engine: '引擎', images: '镜像', version: '版本', limits_by: '限制方式', sandbox: '沙箱', script_user: '脚本用户',
  },
  pullPolicy: {
    if_missing: '缺少时', always: '每次运行前', never: '从不',
  },
  mapping: {
    alerts: '告警列表（留空：整个请求体）', name: '名称', status: '状态', labels: '标签（对象）', fingerprint: '指纹', starts_at: '开始', ends_at: '结束', summary: '给人看的一行', link: '链接', resolved: '表示已恢复的词', fields: '其他标签',
  },
  alert: {
    list: '外部告警', intro: '其他系统发来的告警，原样保存。', groups: '分组', name: '告警', source: '数据源', starts: '开始', ends: '结束', told: '送达次数', times: '{n} 次', search: '搜索名称或对象', anyState: '任意状态', anySource: '任意数据源', incident: '事件', link: '在发送方查看', labels: '标签', annotations: '说明', unknown: '发送方没有数据', group: '分组', inGroup: '告警数', omitted: '发送方省略', lastTold: '最近送达', empty: '还没有收到告警。请创建 Alertmanager、Grafana 或通用 Webhook 类型的数据源。', noGroups: '还没有收到分组。', none: '没有外部告警属于此事件。',
  },
  alertState: {
    firing: '触发中', resolved: '已恢复',
  },
  anomaly: {
    said_nothing: '未评价', anyMonitor: '任意监控项', anyFeedback: '任意评价', anyTime: '开始时间', began_from: '开始于', began_to: '至', moreOf: '此对象的异常',
    list: '异常', search: '按监控项或对象筛选', monitor: '监控项', series: '序列', view: '检测视角', way: '方向', up: '偏高', down: '偏低', recovery: '恢复条件', recoveryBand: '处于 {lower} 与 {upper} 之间', recoveryClosed: '由检测器关闭', recoveryTold: '由发送方告知', untold: '不打开事件：{why}', closedBecause: '关闭原因：{why}', feedback: '这条值得通知吗？', useful: '有用', noise: '噪声', remark: '备注（可选）', said: '已有意见', saidNone: '还没有人评价。', saved: '已记录', noiseHint: '标为噪声会降低监控项对此序列的灵敏度，并会被记住。', incident: '事件', noIncident: '不属于任何事件', empty: '还没有异常。', open: '只看未恢复的', started: '开始',
    recoveryAtMost: '不高于 {upper}', recoveryAtLeast: '不低于 {lower}',
  },
  opinion: {
    useful: '有用', noise: '噪声',
  },
  voice: {
    person: '人工', verdict: '“已修复”结论', by_itself: '自行恢复',
  },
  schedule: {
    list: '定时计划', new: '新建定时计划', case: '用例', chooseCase: '选择用例', cron: 'Cron 表达式', cronHint: '分 时 日 月 星期，例如 30 2 * * 1-5', zone: '时区', next: '接下来的时间', nextNone: '不会启动：已停用，或没有下一次。', misfire: '未能及时启动时', grace: '最多可晚启动（秒）', overlap: '前一次运行尚未结束时', jitter: '分散到（秒）', jitterHint: '每次推迟固定的量。', values: '覆盖用例的参数值', target: '目标', windows: '执行情况', windowsNone: '还没有到过计划时间。', planned: '计划时间', outcome: '结果', why: '原因', times: '{n} 次', empty: '还没有定时计划。定时计划按 cron 表达式运行用例。', runs: '相关运行',
  },
  misfire: {
    skip: '记为错过', run_once: '最新的一次补运行一次',
  },
  overlap: {
    skip: '跳过', queue: '排队',
  },
  windowOutcome: {
    started: '已启动', missed: '错过', skipped: '跳过',
  },
  secret: {
    list: '密文', intro: '值只进不出；脚本以环境变量和文件的形式得到它们。', new: '新建密文', name: '名称', value: '值', valueHint: '6 字节到 64 KiB；之后不再显示。', replace: '更换值', remove: '删除', removeAsk: '删除密文“{name}”？仍被用例或脚本引用时会被拒绝。', version: '版本', by: '设置者', key: '加密密钥', empty: '还没有密文。', mapping: '密文', mappingHint: '环境变量名及其对应的密文。', env: '环境变量名', choose: '密文', addOne: '添加密文', unknown: '{name}（未存储）',
  },
  apiKey: {
    list: 'API 密钥', intro: '供程序使用的密钥，各有角色与期限。', new: '新建密钥', name: '用途', days: '有效期（天）', prefix: '开头', created: '创建', expires: '到期', used: '最近使用', never: '从未', revoked: '已吊销', expired: '已过期', valid: '有效', revoke: '吊销', revokeAsk: '吊销密钥“{name}”？使用它的请求会立即被拒绝。', once: '密钥只显示这一次，请立即复制。', empty: '还没有密钥。', usage: 'Authorization: Bearer',
  },
  batch: {
    start: '批量运行', title: '批量运行用例', byTag: '带有此标签的用例', byChoice: '这些用例', matrix: '在以下每个运行时管理器上运行', matrixHint: '留空：只运行一次，在有空位处。', count: '{n} 次运行', page: '{n} 次运行的请求', cancel: '全部取消', cancelAsk: '停止此请求中所有未结束的运行？', passed: '全部符合预期', failed: '并非全部符合预期', running: '进行中', anywhere: '任意', asList: '列表视图',
  },
  backtest: {
    title: '回测', hint: '让检测器重走历史，且不知道之后的数据；不存储，也不通知。', run: '开始回测', range: '最近', hours: '{n} 小时', days: '{n} 天', events: '{n} 个异常', summary: '{series} 条序列，{rows} 行数据', leftOut: '省略 {n} 条序列', none: '不会产生任何异常。', unsaved: '使用表单中的设置，无论是否已保存。', series: '序列', partial: '不完整',
  },
  logs: {
    title: '日志', intro: '日志行的模板，按首次出现排序。', search: '搜索文本或名称', anyMonitor: '任意日志监控项', anyLevel: '任意级别', fresh: '最近新出现', freshAny: '任意时间', onlyPinned: '已固定', onlyMuted: '已静默', template: '模板', count: '行数', rate: '最近 24 小时', first: '首次出现', last: '最近出现', samples: '样例（已脱敏）', pin: '固定', unpin: '取消固定', mute: '静默', unmute: '取消静默', rename: '重命名', renameTitle: '模板名称', split: '拆分', splitAsk: '将此模板拆回合并前的形状？之后不再合并。', splitOn: '已拆分', merged: '已并入其他模板', isNew: '新', empty: '还没有模板。Elasticsearch 数据源上的日志监控项会发现它们。', perHour: '该小时 {n} 行', saved: '已保存', renameHint: '出现在句子中文本之前；留空则没有。',
  },
  logLevel: {
    debug: '调试', info: '信息', warn: '警告', error: '错误', fatal: '致命',
  },
  gateReason: {
    enabled_pass: '策略已启用', enabled_stop: '策略已停用', archived_pass: '策略在用', archived_stop: '策略已归档', burning_pass: '{anomalies} 个异常中有 {open_anomalies} 个仍未恢复', burning_stop: '所有异常都已恢复', attempts_pass: '已用 {attempts} / {max_attempts} 次尝试', attempts_stop: '{max_attempts} 次尝试已全部用完', autonomy_auto: '策略可自动执行', autonomy_approve: '策略需要批准', autonomy_suggest: '策略只提建议，由人启动', autonomy_shadow: '策略处于影子模式：只决策和记录，不执行', cooldown_none: '此目标最近一天没有运行', cooldown_pass: '此目标上次运行于 {ago} 秒前结束，冷却期为 {cooldown_secs} 秒', cooldown_stop: '此目标还需冷却 {left} 秒（冷却期 {cooldown_secs} 秒）', limits_pass: '各时间窗内均未达到限额', limits_stop: '此策略的限额为 {window_secs} 秒内 {max_runs} 次', breaker_pass: '连续 {not_fixed_in_a_row} 次未修复，达到 {breaker_after} 次则熔断', breaker_stop: '连续 {not_fixed_in_a_row} 次未修复，熔断还将持续 {left} 秒', freshness_pass: '数据为 {age} 秒前', freshness_stop: '数据已有 {age} 秒，最多依据 {freshness_secs} 秒内的数据', freshness_unknown: '不知道数据有多旧', target_busy_pass: '没有其他运行在操作此目标', target_busy_stop: '另一个运行正在操作此目标', targets_at_once_pass: '另有 {count} 个目标正被操作，同时最多 {max_targets_at_once} 个', targets_at_once_stop: '已有 {count} 个其他目标正被操作，同时最多 {max_targets_at_once} 个', echo_pass: '不是由自身的运行引起', echo_outlived: '在自身运行的影响期内开始，但持续到了影响期之后', echo_stop: '所有异常都始于自身运行的影响期内，等待其平静',
  },
  told: {
    decided: '策略 {policy}：{outcome}：{reason}', runQueued: '已排队，目标 {target}', runStarted: '运行已开始', runEnded: '运行结束：{state}', runEndedExit: '运行结束：{state}，退出码 {code}', verifying: '开始测量效果', healthy: '健康', bad: '尚未健康', unknown: '暂时无法判断', verdict: '{verdict}：{reason}', cause: '最可能的原因：{entity}（{share}）', causeNone: '原因尚未确定', notified: '{topic}：{state}',
  },
}
