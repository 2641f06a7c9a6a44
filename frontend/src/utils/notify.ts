// A short note that something worked.
import { ElMessage } from 'element-plus'
import 'element-plus/es/components/message/style/css'

export function notify(text: string): void {
  ElMessage({ message: text, type: 'success', duration: 2500 })
}
