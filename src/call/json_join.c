/*
 * json_join.c
 *	  Jsonb put together of jsonb, whose bytes are taken over as they are.
 *
 * What is pushed value by value (json.c) is held as a tree of values, which takes several times the bytes that the jsonb
 * has in the end.  Large jsonb, such as the trees of a forest, are therefore made in parts.
 */
#include "custseg.h"

#include "call/call.h"
#include "call/json.h"

/* A child of a container: a key, an element or a member's value. */
typedef struct Child
{
	uint32		type;			/* of its JEntry */
	const char *data;
	uint32		length;
} Child;

/* Where a child's bytes begin, from the end of those before it: numbers and containers are aligned. */
static uint32
StartOf(uint32 type, uint32 end)
{
	return type == JENTRY_ISNUMERIC || type == JENTRY_ISCONTAINER ? INTALIGN(end) : end;
}

/* The child of a container in that place, as it is. */
static Child
ChildOf(const JsonbContainer *c, int nchildren, int i)
{
	uint32		type = c->children[i] & JENTRY_TYPEMASK,
				offset = getJsonbOffset(c, i),
				start = StartOf(type, offset);

	return (Child) {type, (const char *) &c->children[nchildren] + start, getJsonbLength(c, i) - (start - offset)};
}

/* A container as a child. */
static Child
ContainerChild(const Jsonb *json)
{
	return (Child) {JENTRY_ISCONTAINER, (const char *) &json->root, VARSIZE(json) - VARHDRSZ};
}

/* A container with these children, palloc'd; an error when it would be too large. */
static Jsonb *
Join(uint32 header, const Child *children, int nchildren)
{
	Size		before = offsetof(Jsonb, root) + offsetof(JsonbContainer, children) + sizeof(JEntry) * (Size) nchildren,
				total = 0;
	Jsonb	   *json;
	char	   *data;
	uint32		end = 0;

	for (int i = 0; i < nchildren; i++)
		total += children[i].length + sizeof(int);
	if (total > JENTRY_OFFLENMASK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a model of %zu MB is too large to keep", total / CS_MEGABYTE),
				 errhint("Train a smaller one.")));
	json = palloc0(before + total);
	json->root.header = header;
	data = (char *) &json->root.children[nchildren];
	for (int i = 0; i < nchildren; i++)
	{
		uint32		start = StartOf(children[i].type, end),
					length = start + children[i].length - end;

		memcpy(data + start, children[i].data, children[i].length);
		end = start + children[i].length;
		json->root.children[i] = children[i].type | (i % JB_OFFSET_STRIDE == 0 ? end | JENTRY_HAS_OFF : length);
	}
	SET_VARSIZE(json, before + end);
	return json;
}

/* An array of n objects or arrays, palloc'd. */
Jsonb *
CsJsonArrayOf(Jsonb *const *elements, int n)
{
	Child	   *children = palloc(sizeof(Child) * Max(n, 1));
	Jsonb	   *result;

	for (int i = 0; i < n; i++)
		children[i] = ContainerChild(elements[i]);
	result = Join((uint32) n | JB_FARRAY, children, n);
	pfree(children);
	return result;
}

/* An object with an object or array in place of the value of its key, which is there; palloc'd. */
Jsonb *
CsJsonReplace(const Jsonb *object, const char *key, const Jsonb *value)
{
	const JsonbContainer *c = &object->root;
	int			count = (int) JsonContainerSize(c);
	Child	   *children = palloc(sizeof(Child) * 2 * Max(count, 1));
	Jsonb	   *result;

	for (int i = 0; i < 2 * count; i++)
		children[i] = ChildOf(c, 2 * count, i);
	for (int i = 0; i < count; i++)
		if (children[i].length == strlen(key) && memcmp(children[i].data, key, strlen(key)) == 0)
			children[count + i] = ContainerChild(value);
	result = Join(c->header, children, 2 * count);
	pfree(children);
	return result;
}
