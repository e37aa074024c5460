"""How those who wait get free seats: in the order of the waiting list, by offers, or as coordinators decide."""

IN_ORDER, WITH_OFFERS, BY_HAND = PROMOTION_MODES = ("in-order", "offers", "by-hand")
