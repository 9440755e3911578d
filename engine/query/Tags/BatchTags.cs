using System.Text;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using StorageScope = Tempo.Engine.Storage.Scan.AttributeScope;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// Reads the names and values that some rows of a batch have. Integers are compared, not text: a key is one code, found
/// once, and a text that was seen in the batch is not looked at again.
/// </summary>
internal static class BatchTags
{
    /// <summary>The names of one scope.</summary>
    public static void CollectNames(SpanBatch batch, CatalogScope scope, List<Range> rows, TagNameCollector names)
    {
        RequireOwners(batch, scope);
        batch.RequireAttributes((StorageScope)scope, AttributeParts.Keys);
        if (scope == CatalogScope.Resource) batch.Require(BatchColumns.ResourceServiceNames);
        var owners = OwnerRanges.Of(batch, scope, rows);
        var (attributes, starts) = AttributesOf(batch, scope);
        var seen = new bool[CountOf(attributes.KeyTable)];
        foreach (var range in owners)
            foreach (var key in attributes.Keys.AsSpan(starts[range.Start.Value]..starts[range.End.Value])) seen[key] = true;
        for (var key = 0; key < seen.Length; key++)
            if (seen[key])
                names.Add(scope, attributes.KeyTable[key]);
        foreach (var column in batch.Dedicated)
        {
            if (column.Scope != (StorageScope)scope || names.Has(scope, column.Key)) continue;
            batch.RequireDedicated(column);
            if (owners.Exists(range => column.Start[range.End.Value] > column.Start[range.Start.Value])) names.Add(scope, column.Key);
        }

        if (scope == CatalogScope.Resource && HasServiceName(batch, owners)) names.Add(scope, "service.name"u8);
    }

    /// <summary>The values of an attribute or intrinsic.</summary>
    public static void CollectValues(SpanBatch batch, TagTarget target, List<Range> rows, TagValueCollector values)
    {
        if (target.Intrinsic != Intrinsic.None)
        {
            CollectIntrinsic(batch, target.Intrinsic, rows, values);
            return;
        }

        foreach (var place in target.Places) CollectAttribute(batch, place, rows, values);
    }

    private static void CollectAttribute(SpanBatch batch, TagPlace place, List<Range> rows, TagValueCollector values)
    {
        RequireOwners(batch, place.Scope);
        if (place.IsServiceName) batch.Require(BatchColumns.ResourceServiceNames);
        var owners = OwnerRanges.Of(batch, place.Scope, rows);
        if (place.IsServiceName) AddTexts(batch.Resources.ServiceName, owners, values, skipEmpty: true);
        foreach (var column in batch.Dedicated)
        {
            if (column.Scope != (StorageScope)place.Scope || !column.Key.AsSpan().SequenceEqual(place.Key)) continue;
            batch.RequireDedicated(column);
            AddDedicated(column, owners, values);
        }

        if (batch.Loader is not null)
        {
            AddOccurrences(batch, place, owners, values);
            return;
        }

        var (attributes, starts) = AttributesOf(batch, place.Scope);
        var key = FindCode(attributes.KeyTable, place.Key);
        if (key < 0) return;
        var seen = values.Seen(attributes.Values);
        foreach (var range in owners)
        {
            var end = starts[range.End.Value];
            for (var i = starts[range.Start.Value]; i < end; i++)
            {
                var next = attributes.Keys.AsSpan(i..end).IndexOf(key);
                if (next < 0) break;
                AddAttribute(attributes, i += next, seen, values);
            }
        }
    }

    // Of a page the column of the key alone is brought in.
    private static void AddOccurrences(SpanBatch batch, TagPlace place, List<Range> owners, TagValueCollector values)
    {
        var scope = new FilterScope(KernelChoice.Current);
        scope.Begin(batch, batch.SpanCount);
        var found = scope.Find((OwnerLevel)place.Scope, new KeyTest(Encoding.UTF8.GetString(place.Key)), AttributeParts.Texts);
        var seen = values.Seen(found.Values.Values);
        var next = 0;
        foreach (var range in owners)
        {
            while (next < found.Count && found.Owners[next] < range.Start.Value) next++;
            for (; next < found.Count && found.Owners[next] < range.End.Value; next++) AddAttribute(found.Values, next, seen, values);
        }
    }

    private static void RequireOwners(SpanBatch batch, CatalogScope scope)
    {
        if (scope == CatalogScope.Event) batch.Require(BatchColumns.EventRows);
        if (scope == CatalogScope.Link) batch.Require(BatchColumns.LinkRows);
    }

    private static void AddAttribute(AttributeColumns attributes, int i, SeenTexts seen, TagValueCollector values)
    {
        var type = attributes.Types[i];
        switch (type)
        {
            case AttributeType.String:
                seen.Add((int)attributes.Bits[i]);
                break;
            case AttributeType.StringArray:
                foreach (var item in attributes.ArrayItems(i)) seen.Add((int)item);
                break;
            case AttributeType.Int or AttributeType.Double or AttributeType.Bool:
                values.AddNumber(NumberType(type), attributes.Bits[i], 1);
                break;
            case AttributeType.IntArray or AttributeType.DoubleArray or AttributeType.BoolArray:
                foreach (var item in attributes.ArrayItems(i)) values.AddNumber(NumberType(type), item, 1);
                break;
        }
    }

    private static void AddDedicated(DedicatedColumn column, List<Range> owners, TagValueCollector values)
    {
        var seen = values.Seen(column.Values);
        foreach (var range in owners)
            foreach (var bits in column.Bits.AsSpan(column.Start[range.Start.Value]..column.Start[range.End.Value]))
                if (column.Type == AttributeType.Int) values.AddNumber(CatalogValueType.Int, bits, 1);
                else seen.Add((int)bits);
    }

    private static void CollectIntrinsic(SpanBatch batch, Intrinsic intrinsic, List<Range> rows, TagValueCollector values)
    {
        batch.Require(intrinsic switch
        {
            Intrinsic.Name => BatchColumns.Name,
            Intrinsic.StatusMessage => BatchColumns.StatusMessage,
            Intrinsic.EventName => BatchColumns.EventRows,
            Intrinsic.InstrumentationName or Intrinsic.InstrumentationVersion => BatchColumns.ScopeNames,
            Intrinsic.RootName => BatchColumns.SpanIds | BatchColumns.Name,
            Intrinsic.RootServiceName => BatchColumns.SpanIds | BatchColumns.ResourceServiceNames,
            _ => BatchColumns.Structure,
        });
        switch (intrinsic)
        {
            case Intrinsic.Name:
                AddTexts(batch.Name, rows, values);
                break;
            case Intrinsic.StatusMessage:
                AddTexts(batch.StatusMessage, rows, values);
                break;
            case Intrinsic.EventName:
                AddTexts(batch.Events.Name, OwnerRanges.Of(batch, CatalogScope.Event, rows), values);
                break;
            case Intrinsic.InstrumentationName:
                AddTexts(batch.Scopes.Name, OwnerRanges.Of(batch, CatalogScope.Scope, rows), values);
                break;
            case Intrinsic.InstrumentationVersion:
                AddTexts(batch.Scopes.Version, OwnerRanges.Of(batch, CatalogScope.Scope, rows), values);
                break;
            case Intrinsic.RootName:
                AddTexts(batch.Name, RootsOf(batch, rows), values);
                break;
            case Intrinsic.RootServiceName:
                AddTexts(batch.Resources.ServiceName, OwnerRanges.Of(batch, CatalogScope.Resource, RootsOf(batch, rows)), values);
                break;
        }
    }

    // The rows without a parent in the traces of the given rows, as far as the batch holds them.
    private static List<Range> RootsOf(SpanBatch batch, List<Range> rows)
    {
        var isAsked = new bool[batch.TraceCount];
        var last = 0;
        foreach (var range in rows)
        {
            foreach (var trace in batch.Trace.AsSpan(range))
                if (trace < isAsked.Length) isAsked[trace] = true;
            last = range.End.Value;
        }

        // In a live batch the rows after those that may be read are not looked at; a block's batch is complete.
        var count = Math.Max(last, Math.Min(batch.Snapshot(), batch.SpanCount));
        var roots = new List<Range>();
        for (var row = 0; row < count; row++)
            if (batch.ParentSpanId[row] == 0 && batch.Trace[row] < isAsked.Length && isAsked[batch.Trace[row]])
                OwnerRanges.Append(roots, row);
        return roots;
    }

    private static void AddTexts(StringColumn column, List<Range> places, TagValueCollector values, bool skipEmpty = false)
    {
        var seen = values.Seen(column.Table, skipEmpty);
        foreach (var range in places)
            foreach (var code in column.Codes.AsSpan(range)) seen.Add(code);
    }

    private static bool HasServiceName(SpanBatch batch, List<Range> owners)
    {
        foreach (var range in owners)
            for (var resource = range.Start.Value; resource < range.End.Value; resource++)
                if (!batch.Resources.ServiceName[resource].IsEmpty)
                    return true;
        return false;
    }

    private static (AttributeColumns Attributes, int[] Starts) AttributesOf(SpanBatch batch, CatalogScope scope) => scope switch
    {
        CatalogScope.Span => (batch.SpanAttributes, batch.AttributeStart),
        CatalogScope.Resource => (batch.Resources.Attributes, batch.Resources.AttributeStart),
        CatalogScope.Scope => (batch.Scopes.Attributes, batch.Scopes.AttributeStart),
        CatalogScope.Event => (batch.Events.Attributes, batch.Events.AttributeStart),
        _ => (batch.Links.Attributes, batch.Links.AttributeStart),
    };

    private static CatalogValueType NumberType(AttributeType type) => type switch
    {
        AttributeType.Int or AttributeType.IntArray => CatalogValueType.Int,
        AttributeType.Double or AttributeType.DoubleArray => CatalogValueType.Double,
        _ => CatalogValueType.Bool,
    };

    private static int FindCode(StringTable table, ReadOnlySpan<byte> key)
    {
        var count = CountOf(table);
        var offsets = table.Offsets;
        var bytes = table.Bytes;
        for (var code = 0; code < count; code++)
            if (offsets[code + 1] - offsets[code] == key.Length && bytes.AsSpan(offsets[code], key.Length).SequenceEqual(key))
                return code;
        return -1;
    }

    // A live table grows while it is read: the count first, and then the arrays, which are never shorter than it said.
    private static int CountOf(StringTable table)
    {
        var count = table.Count;
        Interlocked.MemoryBarrier();
        return count;
    }
}
