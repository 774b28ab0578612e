"""A desktop without a screen: X server, session bus, window manager, keyring and panel in a private folder."""

import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

# Long enough for a busy machine; a healthy one needs milliseconds.
PATIENCE = 30.0
WATCHER = "org.kde.StatusNotifierWatcher"

PANEL = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="32"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/><value type="int" value="2"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator"><property name="expand" type="bool" value="true"/></property>
    <property name="plugin-2" type="string" value="systray"/>
  </property>
</channel>
"""


def until(what, predicate, patience=PATIENCE):
    """Waits for a state and gives it back; the events of this process's own services are handled meanwhile."""
    deadline = time.monotonic() + patience
    while True:
        found = predicate()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come to this: {what}")
        context = GLib.MainContext.default()
        if not context.iteration(False):
            # Nothing to handle: look again soon.
            select.select([], [], [], 0.01)


class Rig:
    """Starts what a case asks for, and ends it with the case."""

    def __init__(self, name="rig"):
        self.folder = Path(tempfile.mkdtemp(prefix=f"aerostat {name} 100% "))
        self.started = []
        self.leftovers = []
        self.bus = None
        self.env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": self.make("home"),
            "XDG_RUNTIME_DIR": self.make("run", 0o700),
            "XDG_CONFIG_HOME": self.make("config"),
            "XDG_DATA_HOME": self.make("data"),
            "XDG_CACHE_HOME": self.make("cache"),
            "AEROSTAT_LOG": "aerostat=debug",
            "NO_AT_BRIDGE": "1",
            "GTK_THEME": "Adwaita",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def make(self, name, mode=0o755):
        path = self.folder / name
        path.mkdir(mode=mode)
        return str(path)

    def start(self, command, log, **options):
        process = subprocess.Popen(
            command, env=self.env, stdout=options.pop("stdout", None) or open(self.folder / log, "ab"),
            stderr=open(self.folder / log, "ab"), cwd=self.folder, start_new_session=True, **options)
        self.started.append(process)
        return process

    def stop(self):
        for process in reversed(self.started):
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.bus and not self.bus.is_closed():
            self.bus.close_sync()
        for path in self.leftovers:
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def with_display(self):
        read, write = os.pipe()
        self.start(["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"], "xvfb.log", pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as number:
            self.env["DISPLAY"] = ":" + number.readline().strip()
        self.start(["openbox"], "openbox.log")
        return self

    def with_bus(self):
        process = self.start(["dbus-daemon", "--session", "--nofork", "--print-address"], "dbus.log", stdout=subprocess.PIPE)
        self.bus_process = process
        address = process.stdout.readline().decode().strip()
        self.env["DBUS_SESSION_BUS_ADDRESS"] = address
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.bus = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.bus.set_exit_on_close(False)
        return self

    def with_keyring(self, password=b"test"):
        """`password=None`: a keyring that was never unlocked."""
        unlock = ["--unlock"] if password is not None else []
        process = self.start(["gnome-keyring-daemon", "--foreground", "--components=secrets", *unlock], "keyring.log", stdin=subprocess.PIPE)
        self.keyring = process
        if password is not None:
            process.stdin.write(password)
        process.stdin.close()
        self.wait_for_name("org.freedesktop.secrets")
        return self

    def with_panel(self):
        folder = Path(self.env["XDG_CONFIG_HOME"]) / "xfce4/xfconf/xfce-perchannel-xml"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "xfce4-panel.xml").write_text(PANEL)
        # Programs that the bus starts need to know the display.
        subprocess.run(["dbus-update-activation-environment", "--all"], env=self.env, check=True, capture_output=True)
        self.start_panel()
        return self

    def start_panel(self):
        self.panel = self.start(["xfce4-panel", "--disable-wm-check"], "panel.log")
        self.wait_for_name(WATCHER)

    def end(self, process):
        process.terminate()
        process.wait(10)

    def whole(self):
        return self.with_display().with_bus().with_keyring().with_panel()

    # The bus

    def call(self, name, path, interface, method, arguments=None, reply=None):
        reply = GLib.VariantType(reply) if reply else None
        answer = self.bus.call_sync(name, path, interface, method, arguments, reply, Gio.DBusCallFlags.NO_AUTO_START, 5000, None)
        return answer.unpack()

    def has_name(self, name):
        return self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", GLib.Variant("(s)", (name,)))[0]

    def wait_for_name(self, name):
        until(f"{name} is on the bus", lambda: self.has_name(name))

    # The screen

    def tool(self, *command):
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True).stdout

    def screenshot(self, path):
        self.tool("import", "-window", "root", str(path))


def is_alive(process):
    return process.poll() is None


def interrupt(process, number=signal.SIGTERM):
    process.send_signal(number)
