using System.Text;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Metrics.Keys;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using AttributeScope = Tempo.Engine.TraceQL.Ast.AttributeScope;

namespace Tempo.Engine.Query.Metrics.Compare;

/// <summary>
/// The attributes that compare() counts: all of the span, its resource and its scope, and the intrinsics with few values.
/// Ids, durations, times, tree numbers, events and links are left out; so are arrays. Numbers attributes in the order of
/// their appearance. Not thread safe.
/// <para>
/// Only so many attributes are counted (<see cref="ComparedAttributes"/>). Half of the places go to those that are met first; the rest to
/// those that are met again in another table of keys, which are a row group's or a live batch's: so a span with thousands of names of its
/// own does not take the places of what many spans have. Intrinsics and the name of the service always have theirs.
/// </para>
/// </summary>
internal sealed class CompareAttributes
{
    private static readonly Intrinsic[] Intrinsics =
    [
        Intrinsic.Name, Intrinsic.Status, Intrinsic.StatusMessage, Intrinsic.Kind, Intrinsic.RootName, Intrinsic.RootServiceName,
        Intrinsic.SpanChildCount,
        Intrinsic.InstrumentationName, Intrinsic.InstrumentationVersion,
    ];

    // And the service's name.
    private static readonly int FixedCount = Intrinsics.Length + 1;

    /// <summary>
    /// What is charged for an attribute besides its name: the empty table of its values, entries in lists and dictionaries.
    /// </summary>
    private const int AttributeBytes = 1024;

    /// <summary>Marks of names that were met: twice 16 KiB. Two names with the same mark let the second in early.</summary>
    private const int MetMarks = 1 << 17;

    private const int LeftOut = -1;

    private readonly MemoryBudget _budget;
    private readonly ComparedAttributes _limit;
    private readonly List<(AttributeRef Field, ValueTable Values, CodeMemo Known)> _attributes = [];

    // In the table that was met last, and in those before: of one table, which may have a hundred thousand names, none lets another in.
    private ulong[]? _met;
    private ulong[]? _metBefore;

    /// <summary>Entries of a table up to which numbers are remembered by code.</summary>
    private const int MaxRememberedTexts = 4096;

    private StringTable? _lastKeys;
    private AttributeScope _lastScope;
    private int[] _lastNumbers = [];
    private int[] _seen = [];
    private int _round;
    private readonly Dictionary<AttributeRef, int> _numbers = [];
    private readonly FieldReader[] _readers = [.. Intrinsics.Select(static intrinsic => new FieldReader(new AttributeRef(intrinsic)))];
    private readonly FieldReader _serviceName = new(new AttributeRef(AttributeScope.Resource, "service.name"));
    private readonly Dictionary<(AttributeScope, StringTable), int[]> _byKeyCode = [];

    /// <summary>Tables of keys that are remembered; a query meets a new one with each row group and live batch.</summary>
    private const int MaxKeyTables = 64;

    public CompareAttributes(MemoryBudget budget, ComparedAttributes limit)
    {
        (_budget, _limit) = (budget, limit);
        foreach (var reader in _readers) Take(reader.Reference);
        Take(_serviceName.Reference);
    }

    /// <summary>Gives memory back; nothing is counted or asked for any more.</summary>
    public void Release()
    {
        foreach (var (_, values, _) in _attributes) values.Release();
        _attributes.Clear();
    }

    /// <summary>Writes which attributes there are beside those that always are, and the values of all.</summary>
    public void Write(PartWriter writer)
    {
        writer.Count(_attributes.Count - FixedCount);
        foreach (var (field, _, _) in _attributes.Skip(FixedCount))
        {
            writer.Byte((byte)field.Scope);
            writer.Text(field.Name);
        }

        foreach (var (_, values, _) in _attributes) values.Write(writer);
    }

    /// <summary>Reads them, where no others are yet.</summary>
    public void Read(ref PartReader reader)
    {
        const string what = "an attribute that is compared";
        for (var count = reader.CountOf(2, what); count > 0; count--)
        {
            var scope = (AttributeScope)reader.Byte(what);
            if (scope is not (AttributeScope.Span or AttributeScope.Resource or AttributeScope.Instrumentation)) throw reader.Bad(what);
            var next = _attributes.Count;
            if (NumberOf(new AttributeRef(scope, reader.Text(what)), isKnown: true) != next)
                throw reader.Bad($"{what} for the second time");
        }

        foreach (var (_, values, _) in _attributes) values.Read(ref reader);
    }

    /// <summary>How many attributes there are.</summary>
    public int Count => _attributes.Count;

    public AttributeRef Field(int attribute) => _attributes[attribute].Field;

    public ValueTable Values(int attribute) => _attributes[attribute].Values;

    /// <summary>The number of an attribute; negative if it is not counted.</summary>
    /// <param name="field">The attribute.</param>
    /// <param name="isKnown">It is one of a block's columns, or was counted elsewhere: it need not be met again.</param>
    public int NumberOf(AttributeRef field, bool isKnown = false)
    {
        if (_numbers.TryGetValue(field, out var number)) return number;
        if (_attributes.Count < _limit.MaxAtFirstSight || (_attributes.Count < _limit.Max && (isKnown || WasMet(field))))
            return Take(field);
        _limit.ReportLeftOut();
        return LeftOut;
    }

    private int Take(AttributeRef field)
    {
        var number = _attributes.Count;
        _budget.Charge(AttributeBytes + field.Name.Length * 2L, "attributes to compare");
        _numbers.Add(field, number);
        _attributes.Add((field, new ValueTable(_budget, expectedCount: 6, expectedBytes: 64, isRented: true), new CodeMemo()));
        return number;
    }

    private bool WasMet(AttributeRef field)
    {
        _met ??= new ulong[MetMarks / 64];
        var mark = (uint)field.GetHashCode() % MetMarks;
        var bit = 1UL << (int)(mark % 64);
        _met[mark / 64] |= bit;
        return _metBefore is not null && (_metBefore[mark / 64] & bit) != 0;
    }

    private void BeginTable()
    {
        if (_met is null) return;
        _metBefore ??= new ulong[MetMarks / 64];
        for (var i = 0; i < _met.Length; i++) _metBefore[i] |= _met[i];
        Array.Clear(_met);
    }

    /// <summary>
    /// Adds (attribute, value) for each attribute of the span; an attribute that stands twice counts once, with its first value.
    /// </summary>
    public void Collect(in SpanCursor span, List<(int Attribute, int Value)> found)
    {
        _round++;
        var batch = span.Batch;
        foreach (var reader in _readers) Add(reader.Reference, reader.Read(span), found);
        var resource = batch.Resource[span.Row];
        if (!batch.Resources.ServiceName[resource].IsEmpty) Add(_serviceName.Reference, _serviceName.Read(span), found);
        Collect(AttributeScope.Resource, batch.Resources.Attributes, batch.Resources.AttributeStart, resource, found);
        Collect(AttributeScope.Span, batch.SpanAttributes, batch.AttributeStart, span.Row, found);
        Collect(AttributeScope.Instrumentation, batch.Scopes.Attributes, batch.Scopes.AttributeStart, batch.Scope[span.Row], found);
        foreach (var column in batch.Dedicated) CollectDedicated(column, span.Row, resource, found);
    }

    private void Collect(AttributeScope scope, AttributeColumns attributes, int[] starts, int owner, List<(int Attribute, int Value)> found)
    {
        if (starts[owner] == starts[owner + 1]) return;
        var numbers = NumbersByKeyCode(scope, attributes.KeyTable);
        for (var i = starts[owner]; i < starts[owner + 1]; i++)
        {
            var value = FieldReader.FromAttribute(attributes, i);
            if (value.Type is FieldType.Nil or FieldType.Array) continue;
            Add(NumberOf(scope, attributes.KeyTable, attributes.Keys[i], numbers), value, found);
        }
    }

    /// <summary>The number of the attribute whose key is an entry of a table; negative if it is not counted.</summary>
    public int OfKey(AttributeScope scope, StringTable keys, int code)
    {
        if (!ReferenceEquals(_lastKeys, keys) || _lastScope != scope || code >= _lastNumbers.Length)
            (_lastKeys, _lastScope, _lastNumbers) = (keys, scope, NumbersByKeyCode(scope, keys));
        return NumberOf(scope, keys, code, _lastNumbers);
    }

    private int NumberOf(AttributeScope scope, StringTable keys, int code, int[] numbers)
    {
        if (numbers[code] == 0)
            numbers[code] =
                NumberOf(new AttributeRef(scope, Encoding.UTF8.GetString(keys[code]))) is >= 0 and var number ? number + 1 : LeftOut;
        return numbers[code] > 0 ? numbers[code] - 1 : LeftOut;
    }

    /// <summary>The number of a value among those of the attribute.</summary>
    public int IdOf(int attribute, in FieldValue value) => IdOf(_attributes[attribute], value);

    private void CollectDedicated(DedicatedColumn column, int row, int resource, List<(int Attribute, int Value)> found)
    {
        if (column.Scope is not (Storage.Scan.AttributeScope.Span or Storage.Scan.AttributeScope.Resource)) return;
        var isSpan = column.Scope == Storage.Scan.AttributeScope.Span;
        var owner = isSpan ? row : resource;
        if (column.Start[owner + 1] - column.Start[owner] != 1) return;
        var field = new AttributeRef(isSpan ? AttributeScope.Span : AttributeScope.Resource, Encoding.UTF8.GetString(column.Key));
        Add(field, FieldReader.FromDedicated(column, owner), found);
    }

    private void Add(AttributeRef field, in FieldValue value, List<(int Attribute, int Value)> found)
    {
        if (value.Type is not (FieldType.Nil or FieldType.Unknown or FieldType.Array)) Add(NumberOf(field), value, found);
    }

    private void Add(int attribute, in FieldValue value, List<(int Attribute, int Value)> found)
    {
        if (attribute < 0) return;
        if (attribute >= _seen.Length) Array.Resize(ref _seen, Math.Max(64, attribute * 2));
        if (_seen[attribute] == _round) return;
        _seen[attribute] = _round;
        found.Add((attribute, IdOf(_attributes[attribute], value)));
    }

    // Of a small table a text is hashed once for each entry. In a large one, which generic attributes share, remembering each
    // attribute's numbers by code would cost more memory than it saves time.
    private static int IdOf(in (AttributeRef Field, ValueTable Values, CodeMemo Known) attribute, in FieldValue value)
    {
        if (value.Table is not { Count: <= MaxRememberedTexts } table) return attribute.Values.Intern(value);
        var numbers = attribute.Known.Of(table);
        if (numbers[(int)value.Bits] is not 0 and var known) return known - 1;
        var id = attribute.Values.Intern(value);
        numbers[(int)value.Bits] = id + 1;
        return id;
    }

    private int[] NumbersByKeyCode(AttributeScope scope, StringTable table)
    {
        if (_byKeyCode.TryGetValue((scope, table), out var numbers))
        {
            if (numbers.Length >= table.Count) return numbers;
            Array.Resize(ref numbers, table.Count);
        }
        else
        {
            if (_byKeyCode.Count >= MaxKeyTables) _byKeyCode.Clear();
            numbers = new int[table.Count];
            BeginTable();
        }

        return _byKeyCode[(scope, table)] = numbers;
    }
}
