using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Filter;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;
using AttributeScope = Tempo.Engine.TraceQL.Ast.AttributeScope;

namespace Tempo.Engine.Query.Metrics.Keys;

/// <summary>
/// The value of one by() attribute on many spans, as numbers of a <see cref="ValueTable"/>. What is the same for all spans of
/// a resource or scope is looked up once for each; texts once for each entry of their table. Not thread safe.
/// </summary>
internal sealed class LabelColumn
{
    private const int Unknown = -1;

    private readonly FieldExpressionReader _reader;
    private readonly CodeMemo _memo = new();
    private readonly int[] _small = new int[256];
    private readonly FilterScope _scope;
    private readonly KeyTest _key;
    private readonly FieldAttributes _attributes;

    // Of an unscoped attribute: the resource's part.
    private readonly FieldExpressionReader? _ofResource;
    private int[] _ofOwner = [];

    public LabelColumn(AttributeRef field, MemoryBudget budget, KernelKind kernel)
    {
        Field = field;
        _key = new KeyTest(field.Name);
        _scope = new FilterScope(kernel);
        _attributes = new FieldAttributes([field]);
        if (field.Scope == AttributeScope.Unscoped)
            _ofResource = new FieldExpressionReader(new AttributeRef(AttributeScope.Resource, field.Name));
        _reader = new FieldExpressionReader(field);
        Values = new ValueTable(budget);
        _small.AsSpan().Fill(Unknown);
    }

    public AttributeRef Field { get; }

    public ValueTable Values { get; }

    /// <summary>The number of the value on one span.</summary>
    public int IdOf(in SpanCursor span) => IdOf(_reader.Read(span));

    /// <summary>The numbers of the values on the given rows.</summary>
    public void Fill(SpanBatch batch, ReadOnlySpan<int> rows, Span<int> ids)
    {
        switch (Field)
        {
            case { Intrinsic: Intrinsic.Name }:
                FillTexts(batch.Name, rows, ids);
                break;
            case { Intrinsic: Intrinsic.StatusMessage }:
                FillTexts(batch.StatusMessage, rows, ids);
                break;
            case { Intrinsic: Intrinsic.Kind }:
                for (var i = 0; i < rows.Length; i++)
                    ids[i] = _small[batch.Kind[rows[i]]] is >= 0 and var kind
                        ? kind
                        : _small[batch.Kind[rows[i]]] = IdOf(SpanCursor.At(batch, rows[i]));
                break;
            case { Intrinsic: Intrinsic.Status }:
                for (var i = 0; i < rows.Length; i++)
                    ids[i] = _small[batch.Status[rows[i]]] is >= 0 and var status
                        ? status
                        : _small[batch.Status[rows[i]]] = IdOf(SpanCursor.At(batch, rows[i]));
                break;
            case { Scope: AttributeScope.Resource, Name: "service.name" }:
                FillServiceNames(batch, rows, ids);
                break;
            case { Scope: AttributeScope.Span or AttributeScope.Unscoped, IsOfParent: false }
                when !(Field.Scope == AttributeScope.Unscoped && Field.Name == "service.name") && !HasColumnOfItsOwn(batch):
                FillOfSpans(batch, rows, ids);
                break;
            case { Scope: AttributeScope.Resource, IsOfParent: false }:
                _attributes.LoadInto(batch);
                FillByOwner(batch, batch.Resource, rows, ids);
                break;
            case { Scope: AttributeScope.Instrumentation, IsOfParent: false }
                or { Intrinsic: Intrinsic.InstrumentationName or Intrinsic.InstrumentationVersion }:
                _attributes.LoadInto(batch);
                FillByOwner(batch, batch.Scope, rows, ids);
                break;
            default:
                _attributes.LoadInto(batch);
                for (var i = 0; i < rows.Length; i++) ids[i] = IdOf(SpanCursor.At(batch, rows[i]));
                break;
        }
    }

    /// <summary>Of such a field <see cref="TryGetCodes"/> may be true.</summary>
    public bool MayHaveCodes =>
        !Field.IsOfParent && (Field.Intrinsic == Intrinsic.Name || Field is { Scope: AttributeScope.Resource, Name: "service.name" });

    /// <summary>
    /// The texts of all spans of a page as codes, if they are a column of their own: the spans' or, with <paramref name="owners"/>, the
    /// resources'.
    /// </summary>
    public bool TryGetCodes(SpanBatch batch, out StringColumn? codes, out int[] owners)
    {
        (codes, owners) = (null, []);
        if (!MayHaveCodes) return false;
        if (Field.Intrinsic == Intrinsic.Name)
        {
            codes = batch.Name;
            return true;
        }

        // Where the name is empty the reader looks further.
        if (batch.Resources.HasServiceName.AsSpan(0, batch.Resources.Count).Contains((byte)0)) return false;
        (codes, owners) = (batch.Resources.ServiceName, batch.Resource);
        return true;
    }

    /// <summary>The number of the text of one of these codes.</summary>
    public int IdOfCode(SpanBatch batch, int code) =>
        IdOf(FieldValue.Text((Field.Intrinsic == Intrinsic.Name ? batch.Name : batch.Resources.ServiceName).Table, code));

    private int IdOf(in FieldValue value)
    {
        if (value.Table is not { } table) return Values.Intern(value);
        var numbers = _memo.Of(table);
        if (numbers[(int)value.Bits] is not 0 and var known) return known - 1;
        var id = Values.Intern(value);
        numbers[(int)value.Bits] = id + 1;
        return id;
    }

    private bool HasColumnOfItsOwn(SpanBatch batch)
    {
        foreach (var column in batch.Dedicated)
            if (column.Scope == Storage.Scan.AttributeScope.Span && column.Key.AsSpan().SequenceEqual(_key.Key))
                return true;
        return false;
    }

    // Rows and attributes ascend alike. Of an unscoped attribute the resource's value counts where the span has none.
    private void FillOfSpans(SpanBatch batch, ReadOnlySpan<int> rows, Span<int> ids)
    {
        _scope.Begin(batch, rows[^1] + 1);
        var found = _scope.Find(OwnerLevel.Span, _key, AttributeParts.Texts);
        var isUnscoped = Field.Scope == AttributeScope.Unscoped;
        if (isUnscoped)
        {
            _attributes.LoadInto(batch);
            FillByOwner(batch, batch.Resource, rows, ids, _ofResource!);
        }
        else
        {
            ids.Fill(IdOf(FieldValue.Nil));
        }

        var owners = found.Owners.AsSpan(0, found.Count);
        for (int i = 0, next = 0; i < rows.Length; i++)
        {
            while (next < owners.Length && owners[next] < rows[i]) next++;
            for (; next < owners.Length && owners[next] == rows[i]; next++)
            {
                var value = FieldReader.FromAttribute(found.Values, next);
                if (value.Type == FieldType.Nil) continue;
                ids[i] = IdOf(value);
                while (next < owners.Length && owners[next] == rows[i]) next++;
                break;
            }
        }
    }

    private void FillTexts(StringColumn column, ReadOnlySpan<int> rows, Span<int> ids)
    {
        var codes = column.Codes;
        var numbers = _memo.Of(column.Table);
        for (var i = 0; i < rows.Length; i++)
        {
            var code = codes[rows[i]];
            var known = (uint)code < (uint)numbers.Length ? numbers[code] : 0;
            if (known == 0)
            {
                known = IdOf(FieldValue.Text(column.Table, code)) + 1;
                numbers = _memo.Of(column.Table);
            }

            ids[i] = known - 1;
        }
    }

    // A column of its own: a code for each resource. Where it is empty the reader looks further, and is asked each time.
    private void FillServiceNames(SpanBatch batch, ReadOnlySpan<int> rows, Span<int> ids)
    {
        var names = batch.Resources.ServiceName;
        var codes = names.Codes;
        var resources = batch.Resource;
        var numbers = _memo.Of(names.Table);
        for (var i = 0; i < rows.Length; i++)
        {
            var code = codes[resources[rows[i]]];
            var known = (uint)code < (uint)numbers.Length ? numbers[code] : 0;
            if (known == 0)
            {
                known = IdOf(SpanCursor.At(batch, rows[i])) + 1;
                numbers = _memo.Of(names.Table);
            }

            ids[i] = known - 1;
        }
    }

    private void FillByOwner(SpanBatch batch, int[] owners, ReadOnlySpan<int> rows, Span<int> ids) =>
        FillByOwner(batch, owners, rows, ids, _reader);

    private void FillByOwner(SpanBatch batch, int[] owners, ReadOnlySpan<int> rows, Span<int> ids, FieldExpressionReader reader)
    {
        var (last, lastId) = (Unknown, 0);
        var known = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            var owner = owners[rows[i]];
            if (owner != last)
            {
                if (owner >= known)
                {
                    GrowableArray.Reserve(ref _ofOwner, owner + 1);
                    _ofOwner.AsSpan(known, _ofOwner.Length - known).Fill(Unknown);
                    known = _ofOwner.Length;
                }

                ref var id = ref _ofOwner[owner];
                if (id == Unknown) id = IdOf(reader.Read(SpanCursor.At(batch, rows[i])));
                (last, lastId) = (owner, id);
            }

            ids[i] = lastId;
        }
    }
}
