// Asks the three services for what they hold about one person, with the console's cookie, and saves it as one file.
// The services never call each other: registration answers the references by which the others are asked.

const form = document.querySelector("#person-export");
const button = form.querySelector("button");
const status = document.querySelector("#status");

async function ask(service, body) {
  const answer = await fetch(`/v1/person-export/${service}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
  });
  if (!answer.ok) {
    throw new Error(`${service}: ${answer.status}`);
  }
  return answer.json();
}

async function assemble(email, reason, withSealed) {
  const registration = await ask("registration", { email, reason, with_sealed: withSealed });
  const shared = { reason, export_id: registration.export_id };
  const events = await ask("events", { person_refs: registration.person_refs, ...shared });
  const notifications = await ask("notifications", {
    person_refs: [...registration.person_refs, ...events.person_refs],
    subjects: [...registration.subjects, ...events.subjects],
    ...shared,
  });
  return {
    export_id: registration.export_id,
    made_at: registration.made_at,
    address: email,
    services: { registration, events, notifications },
  };
}

function save(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 2)], { type: "application/json" }));
  link.download = `person-${file.export_id}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  status.textContent = status.dataset.working;
  const given = new FormData(form);
  try {
    const file = await assemble(given.get("email").trim(), given.get("reason").trim(), given.has("with_sealed"));
    save(file);
    const registrations = file.services.registration.tables.registration.length;
    status.textContent = `${status.dataset.done} ${registrations}`;
  } catch (error) {
    status.textContent = `${status.dataset.failed} (${error.message})`;
  } finally {
    button.disabled = false;
  }
});
button.disabled = false;
