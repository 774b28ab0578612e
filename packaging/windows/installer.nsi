; The per-user installer, made in the tree's folder: makensis -NOCD -DVERSION=… -DPROGRAM=… -DICON=… -DOUTPUT=… packaging/windows/installer.nsi
; It asks for no administrator, and everything it makes belongs to one person.
; With -DTARGET=amd64-unicode, where makensis has it, the installer itself is 64-bit: for a Wine without 32-bit programs.
Unicode true
!ifdef TARGET
  Target ${TARGET}
!endif
!include "LogicLib.nsh"
!include "MUI2.nsh"

Name "Aerostat"
OutFile "${OUTPUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\Aerostat"
InstallDirRegKey HKCU "Software\Aerostat" "Folder"
SetCompressor /SOLID lzma
BrandingText "Aerostat ${VERSION}"
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "Aerostat"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "Aerostat installer"
VIAddVersionKey "LegalCopyright" "The authors of Aerostat"

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_FINISHPAGE_RUN "$INSTDIR\aerostat.exe"
!define MUI_FINISHPAGE_RUN_PARAMETERS "--open"
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; Asks a running agent to end and removes the program. Windows lets go of a file some time after the process that ran it.
!macro REMOVE_PROGRAM
  ${If} ${FileExists} "$INSTDIR\aerostat.exe"
    nsExec::Exec '"$INSTDIR\aerostat.exe" quit'
    Pop $0
    ${For} $0 1 40
      Delete "$INSTDIR\aerostat.exe"
      ${IfNot} ${FileExists} "$INSTDIR\aerostat.exe"
        ${Break}
      ${EndIf}
      Sleep 250
    ${Next}
  ${EndIf}
!macroend

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Aerostat"

Section "Aerostat"
  ; A running agent holds its file. The last page starts it again.
  !insertmacro REMOVE_PROGRAM
  SetOutPath "$INSTDIR"
  File "/oname=aerostat.exe" "${PROGRAM}"
  File "/oname=aerostat.ico" "${ICON}"
  ; The same texts as in the zip.
  File "README.md" "LICENSE-APACHE" "LICENSE-MIT"
  File /r "docs"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Aerostat.lnk" "$INSTDIR\aerostat.exe" "--open" "$INSTDIR\aerostat.ico"
  ; Notifications name the program by this.
  WriteRegStr HKCU "Software\Classes\AppUserModelId\Aerostat.Agent" "DisplayName" "Aerostat"
  WriteRegStr HKCU "Software\Classes\AppUserModelId\Aerostat.Agent" "IconUri" "$INSTDIR\aerostat.ico"
  WriteRegStr HKCU "Software\Aerostat" "Folder" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Aerostat"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\aerostat.ico"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "The authors of Aerostat"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Section "Uninstall"
  ; Start at login and client set-ups are undone; accounts and settings stay.
  nsExec::Exec '"$INSTDIR\aerostat.exe" uninstall'
  Pop $0
  !insertmacro REMOVE_PROGRAM
  DeleteRegValue HKCU "Software\Microsoft\Windows\CurrentVersion\Run" "Aerostat"
  DeleteRegKey HKCU "Software\Classes\AppUserModelId\Aerostat.Agent"
  DeleteRegKey HKCU "${UNINSTALL}"
  DeleteRegKey HKCU "Software\Aerostat"
  Delete "$SMPROGRAMS\Aerostat.lnk"
  Delete "$INSTDIR\aerostat.ico"
  Delete "$INSTDIR\README.md"
  Delete "$INSTDIR\LICENSE-APACHE"
  Delete "$INSTDIR\LICENSE-MIT"
  Delete "$INSTDIR\docs\*.md"
  Delete "$INSTDIR\docs\*.png"
  RMDir "$INSTDIR\docs"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
SectionEnd
