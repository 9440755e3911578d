using System.Text;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using AttributeScope = Tempo.Engine.TraceQL.Ast.AttributeScope;
using StorageScope = Tempo.Engine.Storage.Scan.AttributeScope;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>
/// Counts the values that chosen rows of a page have, column by column: what all spans of a trace, resource or scope have in common is
/// counted once for each run of them on one side and in one interval, with their number. The same as
/// <see cref="CompareAttributes.Collect"/> finds span by span, of traces that lie on the page alone. Not thread safe.
/// </summary>
internal sealed class CompareRows(CompareAttributes attributes, CompareCounts counts)
{
    private readonly int _name = attributes.NumberOf(new AttributeRef(Intrinsic.Name));
    private readonly int _statusMessage = attributes.NumberOf(new AttributeRef(Intrinsic.StatusMessage));
    private readonly int _rootName = attributes.NumberOf(new AttributeRef(Intrinsic.RootName));
    private readonly int _rootService = attributes.NumberOf(new AttributeRef(Intrinsic.RootServiceName));
    private readonly int _childCount = attributes.NumberOf(new AttributeRef(Intrinsic.SpanChildCount));
    private readonly int _scopeName = attributes.NumberOf(new AttributeRef(Intrinsic.InstrumentationName));
    private readonly int _scopeVersion = attributes.NumberOf(new AttributeRef(Intrinsic.InstrumentationVersion));
    private readonly int _serviceName = attributes.NumberOf(new AttributeRef(AttributeScope.Resource, "service.name"));
    private readonly FieldReader _status = new(new AttributeRef(Intrinsic.Status));
    private readonly FieldReader _kind = new(new AttributeRef(Intrinsic.Kind));
    private readonly CompareTexts _texts = new(attributes);
    private readonly CompareRuns _spans = new();
    private readonly CompareRuns _owners = new();
    private readonly List<(DedicatedColumn Column, int Attribute)> _dedicated = [];
    private readonly List<(int Attribute, int Value)> _found = [];

    // Of the scope that is being counted: some megabytes a page.
    private readonly AttributeOccurrences _taken = new();

    // By attribute: the owner that has it already, of the scope that is being counted.
    private int[] _seenOf = [];
    private int _seen;

    /// <summary>Counts rows, which ascend; each with its interval, side and weight. All that is compared has been brought in.</summary>
    public void Add(
        SpanBatch batch, ReadOnlySpan<int> rows, ReadOnlySpan<int> intervals, ReadOnlySpan<byte> sides, ReadOnlySpan<double> weights)
    {
        _spans.Fill(rows, intervals, sides, weights);
        CountTexts(_name, batch.Name, _spans);
        CountTexts(_statusMessage, batch.StatusMessage, _spans);
        CountSmall(_status, batch, batch.Status);
        CountSmall(_kind, batch, batch.Kind);
        foreach (var run in _spans.All)
            counts.Add(
                _childCount, _texts.IdOf(_childCount, FieldType.Int, batch.ChildCount[run.Owner]), run.Side, run.Interval, run.Weight);
        CountAttributes(batch, StorageScope.Span, AttributeScope.Span, _spans);

        _owners.Fill(batch.Trace, rows, intervals, sides, weights);
        CountTexts(_rootName, batch.RootName, _owners);
        CountTexts(_rootService, batch.RootServiceName, _owners);

        _owners.Fill(batch.Scope, rows, intervals, sides, weights);
        CountTexts(_scopeName, batch.Scopes.Name, _owners);
        CountTexts(_scopeVersion, batch.Scopes.Version, _owners);
        CountAttributes(batch, StorageScope.Scope, AttributeScope.Instrumentation, _owners);

        _owners.Fill(batch.Resource, rows, intervals, sides, weights);
        CountAttributes(batch, StorageScope.Resource, AttributeScope.Resource, _owners);
    }

    private void CountTexts(int attribute, StringColumn column, CompareRuns runs)
    {
        var (codes, table) = (column.Codes, column.Table);
        foreach (var run in runs.All)
            counts.Add(attribute, attributes.IdOf(attribute, FieldValue.Text(table, codes[run.Owner])), run.Side, run.Interval, run.Weight);
    }

    // A number of few values: what it means is asked once for each.
    private void CountSmall(FieldReader reader, SpanBatch batch, byte[] numbers)
    {
        var attribute = attributes.NumberOf(reader.Reference);
        Span<int> known = stackalloc int[256];
        known.Clear();
        foreach (var run in _spans.All)
        {
            ref var value = ref known[numbers[run.Owner]];
            if (value == 0) value = attributes.IdOf(attribute, reader.Read(SpanCursor.At(batch, run.Owner))) + 1;
            counts.Add(attribute, value - 1, run.Side, run.Interval, run.Weight);
        }
    }

    private void CountAttributes(SpanBatch batch, StorageScope scope, AttributeScope name, CompareRuns runs)
    {
        var found = TakeAttributes(batch, scope, runs);
        FindDedicated(batch, scope, name);
        if (found.Count == 0 && _dedicated.Count == 0 && scope != StorageScope.Resource) return;
        _texts.Begin(found.Values.Values);
        var all = runs.All;
        for (int i = 0, next = 0; i < all.Length;)
        {
            var owner = all[i].Owner;
            _found.Clear();
            _seen++;
            if (scope == StorageScope.Resource && !batch.Resources.ServiceName[owner].IsEmpty)
                See(_serviceName, FieldValue.Text(batch.Resources.ServiceName.Table, batch.Resources.ServiceName.Codes[owner]));
            for (; next < found.Count && found.Owners[next] == owner; next++) SeeGeneric(found.Values, name, next);
            foreach (var (column, attribute) in _dedicated)
                if (column.Start[owner + 1] - column.Start[owner] == 1)
                    See(attribute, FieldReader.FromDedicated(column, owner));
            for (; i < all.Length && all[i].Owner == owner; i++)
                foreach (var (attribute, value) in _found)
                    counts.Add(attribute, value, all[i].Side, all[i].Interval, all[i].Weight);
        }
    }

    private AttributeOccurrences TakeAttributes(SpanBatch batch, StorageScope scope, CompareRuns runs)
    {
        var count =
            scope switch { StorageScope.Resource => batch.Resources.Count, StorageScope.Scope => batch.Scopes.Count, _ => batch.SpanCount };
        if (count == 0) return AttributeOccurrences.None;
        using var owners = FilterScope.Rent(count);
        owners.Bits.Clear();
        foreach (var run in runs.All) Bitmap.Set(owners.Bits, run.Owner);
        return batch.Loader!.TakeAttributesOf(batch, scope, owners.Bits, _taken);
    }

    private void FindDedicated(SpanBatch batch, StorageScope scope, AttributeScope name)
    {
        _dedicated.Clear();
        foreach (var column in batch.Dedicated)
        {
            if (column.Scope != scope) continue;
            batch.RequireDedicated(column);
            var attribute = attributes.NumberOf(new AttributeRef(name, Encoding.UTF8.GetString(column.Key)), isKnown: true);
            if (attribute >= 0) _dedicated.Add((column, attribute));
        }
    }

    private void SeeGeneric(AttributeColumns values, AttributeScope scope, int i)
    {
        var type = values.Types[i];
        if (type is AttributeType.Null or > AttributeType.BoolArray) return;
        // An array of one element is its element; the others are not compared, and their attributes not numbered for them.
        var value = type >= AttributeType.StringArray ? FieldReader.FromAttribute(values, i) : default;
        if (type >= AttributeType.StringArray && value.Type is FieldType.Nil or FieldType.Array) return;
        var attribute = attributes.OfKey(scope, values.KeyTable, values.Keys[i]);
        if (attribute < 0) return;
        if (type >= AttributeType.StringArray) See(attribute, value);
        else if (!IsSeen(attribute))
            _found.Add((attribute, type == AttributeType.String
                ? _texts.IdOfText(attribute, (int)values.Bits[i])
                : _texts.IdOf(attribute, TypeOf(type), values.Bits[i])));
    }

    private static FieldType TypeOf(AttributeType type) =>
        type switch { AttributeType.Int => FieldType.Int, AttributeType.Double => FieldType.Float, _ => FieldType.Bool };

    private void See(int attribute, in FieldValue value)
    {
        if (value.Type is not (FieldType.Nil or FieldType.Array) && !IsSeen(attribute))
            _found.Add((attribute, attributes.IdOf(attribute, value)));
    }

    // An attribute that stands twice counts once, with its first value.
    private bool IsSeen(int attribute)
    {
        if (attribute >= _seenOf.Length) Array.Resize(ref _seenOf, Math.Max(64, attribute * 2));
        if (_seenOf[attribute] == _seen) return true;
        _seenOf[attribute] = _seen;
        return false;
    }
}
