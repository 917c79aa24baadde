package view

import (
	"fmt"
	"math"
	"strings"
)

// contact tells of a contact how to reach it, and of a distribution list who is in it.
func (p *page) contact() {
	cat, c := &p.about.Catalogue, p.about.Catalogue.Contact
	class := strings.ToUpper(p.m.Class())
	if strings.HasPrefix(class, "IPM.CONTACT") || strings.HasPrefix(class, "IPM.DISTLIST") {
		p.field("Name", cat.DisplayName)
	}
	if c == nil {
		return
	}
	p.field("Full name", strings.Join(strings.Fields(strings.Join([]string{c.Prefix, c.GivenName, c.MiddleName, c.Surname, c.Suffix}, " ")), " "))
	p.field("Nickname", c.Nickname)
	p.field("Filed as", c.FileUnder)
	p.field("Company", cat.Company)
	p.field("Department", c.Department)
	p.field("Job title", c.JobTitle)
	var lines []string
	for _, e := range c.Emails {
		lines = append(lines, person(e))
	}
	p.list("E-mail", lines)
	lines = nil
	for _, phone := range c.Phones {
		lines = append(lines, phone.Value+" ("+phone.Label+")")
	}
	p.list("Phone", lines)
	lines = nil
	for _, a := range c.Addresses {
		lines = append(lines, strings.Join(strings.FieldsFunc(a.Value, func(r rune) bool { return r == '\r' || r == '\n' }), ", ")+" ("+a.Label+")")
	}
	p.list("Address", lines)
	p.field("Web page", c.WebPage)
	p.field("IM", c.IM)
	p.field("Birthday", day(c.Birthday))
	p.field("Anniversary", day(c.Wedding))
	if c.Photo {
		p.field("Photo", "attached")
	}
	lines = nil
	for _, member := range c.Members {
		lines = append(lines, person(member))
	}
	p.list("Members", lines)
}

// task tells when a task is due, and how far it is.
func (p *page) task() {
	c, t := &p.about.Catalogue, p.about.Catalogue.Task
	if !strings.HasPrefix(strings.ToUpper(p.m.Class()), "IPM.TASK") {
		return
	}
	p.field("Start", day(c.Start))
	p.field("Due", day(c.End))
	if t == nil {
		p.field("Status", "not started")
		return
	}
	status := map[int32]string{0: "not started", 1: "in progress", 2: "completed", 3: "waiting for somebody", 4: "deferred"}[t.Status]
	if t.Complete {
		status = "completed"
	}
	if t.Percent >= 0 && t.Percent <= 1 { // also no NaN
		status += fmt.Sprintf(", %d%%", int(math.Round(t.Percent*100)))
	}
	p.field("Status", status)
	p.field("Completed", day(t.Completed))
	p.field("Owner", t.Owner)
	p.field("Given by", t.Assigner)
	if t.Recurrence != nil {
		p.field("Recurrence", Words(t.Recurrence))
	}
}
