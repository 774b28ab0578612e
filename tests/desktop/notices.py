"""A notification daemon that records what it is told and presses buttons exactly when asked."""

from gi.repository import Gio, GLib

from rig import until

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
XML = """<node><interface name="org.freedesktop.Notifications">
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="GetServerInformation"><arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/></method>
<method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="as" direction="in"/><arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/></method>
<method name="CloseNotification"><arg type="u" direction="in"/></method>
<signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal><signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface></node>"""


class Notice:
    def __init__(self, number, replaced, summary, body, actions):
        self.id, self.replaced, self.summary, self.body = number, replaced, summary, body
        self.buttons = dict(zip(actions[1::2], actions[0::2]))


class Daemon:
    def __init__(self, rig, abilities=("actions", "body", "body-markup")):
        self.rig, self.abilities, self.shown, self.last = rig, list(abilities), [], 0
        interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
        self.registration = rig.bus.register_object(PATH, interface, self._called, None, None)
        self.owner = Gio.bus_own_name_on_connection(rig.bus, NAME, Gio.BusNameOwnerFlags.REPLACE, None, None)
        until("the notification daemon is there", lambda: rig.has_name(NAME))

    def close(self):
        Gio.bus_unown_name(self.owner)
        self.rig.bus.unregister_object(self.registration)

    def _called(self, _bus, _sender, _path, _interface, method, arguments, invocation):
        if method == "GetCapabilities":
            invocation.return_value(GLib.Variant("(as)", (self.abilities,)))
        elif method == "GetServerInformation":
            invocation.return_value(GLib.Variant("(ssss)", ("stand-in", "tests", "1", "1.2")))
        elif method == "Notify":
            _, replaced, _, summary, body, actions, _, _ = arguments.unpack()
            number = replaced or self._next()
            self.shown.append(Notice(number, replaced, summary, body, actions))
            invocation.return_value(GLib.Variant("(u)", (number,)))
        else:
            invocation.return_value(None)

    def _next(self):
        self.last += 1
        return self.last

    def wait_for(self, start):
        """The notice whose summary begins so."""
        return until(f"a notice `{start}`; shown are {[notice.summary for notice in self.shown]}",
                     lambda: next((notice for notice in self.shown if notice.summary.startswith(start)), None))

    def press(self, notice, button, is_done):
        """Presses until it has had its effect: the program may not listen yet when the bubble is shown."""
        key = notice.buttons[button]

        def pressed():
            if is_done():
                return True
            self.rig.bus.emit_signal(None, PATH, NAME, "ActionInvoked", GLib.Variant("(us)", (notice.id, key)))
            return False

        until(f"`{button}` of `{notice.summary}` has its effect", pressed)
