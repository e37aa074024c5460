/* Reads a calendar file with a library that knows nothing of this project: one flat value an entry, times in UTC. */

const utc = (date) => date.toISOString();
const READERS = {
  "ical.js": (ical, text) => {
    const root = new ical.default.Component(ical.default.parse(text));
    const instant = (time) => (time.isDate ? time.toString() : utc(time.toJSDate()));
    return root.getAllSubcomponents("vevent").map((component) => {
      const event = new ical.default.Event(component);
      const ends = component.getFirstPropertyValue("dtend");
      return {
        method: root.getFirstPropertyValue("method"),
        uid: event.uid,
        sequence: event.sequence,
        stamped: instant(component.getFirstPropertyValue("dtstamp")),
        starts: instant(event.startDate),
        ends: ends && instant(ends),
        status: component.getFirstPropertyValue("status"),
        title: event.summary,
        alarms: component.getAllSubcomponents("valarm").map((one) => one.getFirstPropertyValue("trigger").toSeconds() / 60),
      };
    });
  },
  "ts-ics": (library, text) => {
    const calendar = library.convertIcsCalendar(undefined, text);
    const instant = (time) => (time.type === "DATE" ? utc(time.date).slice(0, 10) : utc(time.date));
    const minutes = ({ before, days = 0, hours = 0, minutes: rest = 0, weeks = 0 }) =>
      (before ? -1 : 1) * (((weeks * 7 + days) * 24 + hours) * 60 + rest);
    return calendar.events.map((event) => ({
      method: calendar.method ?? null,
      uid: event.uid,
      sequence: event.sequence ?? 0 /* it drops a zero, which is what an entry without one has (RFC 5545, 3.8.7.4) */,
      stamped: instant(event.stamp),
      starts: instant(event.start),
      ends: event.end ? instant(event.end) : null,
      status: event.status,
      title: event.summary,
      alarms: (event.alarms ?? []).map((one) => minutes(one.trigger.value)),
    }));
  },
};

export const readWith = (name, library, texts) => texts.map((text) => READERS[name](library, text));
