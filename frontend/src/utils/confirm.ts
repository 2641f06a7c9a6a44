// A yes-or-no question before something that cannot be taken back.
import { ElMessageBox } from 'element-plus'
import 'element-plus/es/components/message-box/style/css'

export async function confirmAction(text: string, yes: string, no: string, danger = false): Promise<boolean> {
  try {
    await ElMessageBox.confirm(text, { confirmButtonText: yes, cancelButtonText: no, confirmButtonType: danger ? 'danger' : 'primary', autofocus: true, showClose: false })
    return true
  } catch {
    return false
  }
}
