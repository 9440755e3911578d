using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Query.Metrics.Parts;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Metrics.Keys;

/// <summary>Numbers the groups of a by(): from 0 on in the order of appearance, one group without a by(). Not thread safe.</summary>
internal sealed class SeriesKeys
{
    private readonly LabelColumn[] _columns;

    // Table i pairs the groups by the first i attributes with the values of attribute i.
    private readonly TupleTable[] _groups;
    private int[] _ids = [];

    public SeriesKeys(IReadOnlyList<AttributeRef> by, IReadOnlyList<string> names, MemoryBudget budget, KernelKind kernel)
    {
        Names = names;
        _columns = [.. by.Select(field => new LabelColumn(field, budget, kernel))];
        _groups = [.. by.Select(_ => new TupleTable(budget))];
    }

    public IReadOnlyList<string> Names { get; }

    public int Count => _groups.Length == 0 ? 1 : _groups[^1].Count;

    /// <summary>The group of one span.</summary>
    public int NumberOf(in SpanCursor span)
    {
        var number = 0;
        for (var i = 0; i < _columns.Length; i++) number = _groups[i].Intern(number, _columns[i].IdOf(span));
        return number;
    }

    /// <summary>By what is grouped by, <see cref="TryGetCodes"/> may be true of some page.</summary>
    public bool MayHaveCodes => _columns.Length == 0 || _columns.Length == 1 && _columns[0].MayHaveCodes;

    /// <summary>
    /// The codes that all spans of a page have by what they are grouped by: null where all are one group. Of <paramref name="owners"/>, if
    /// there are any, the span's one has the code. False if values are not that simple.
    /// </summary>
    public bool TryGetCodes(SpanBatch batch, out StringColumn? codes, out int[] owners)
    {
        (codes, owners) = (null, []);
        return _columns.Length == 0 || _columns.Length == 1 && _columns[0].TryGetCodes(batch, out codes, out owners);
    }

    /// <summary>The group of a code of <see cref="TryGetCodes"/>, which some span has.</summary>
    public int NumberOfCode(SpanBatch batch, int code) =>
        _columns.Length == 0 ? 0 : _groups[0].Intern(0, _columns[0].IdOfCode(batch, code));

    /// <summary>The groups of the given rows.</summary>
    public void Fill(SpanBatch batch, ReadOnlySpan<int> rows, Span<int> numbers)
    {
        if (_columns.Length == 0)
        {
            numbers.Clear();
            return;
        }

        _columns[0].Fill(batch, rows, numbers);
        _groups[0].InternAll(numbers);
        if (_columns.Length == 1) return;
        GrowableArray.Reserve(ref _ids, rows.Length);
        for (var i = 1; i < _columns.Length; i++)
        {
            _columns[i].Fill(batch, rows, _ids.AsSpan(0, rows.Length));
            var groups = _groups[i];
            for (var row = 0; row < rows.Length; row++) numbers[row] = groups.Intern(numbers[row], _ids[row]);
        }
    }

    /// <summary>For each group of another numbering the number it has here.</summary>
    public int[] Translate(SeriesKeys other)
    {
        int[] before = [0];
        for (var i = 0; i < _columns.Length; i++)
        {
            var pairs = other._groups[i].Pairs;
            var after = new int[pairs.Count];
            for (var n = 0; n < after.Length; n++)
            {
                var id = _columns[i].Values.InternFrom(other._columns[i].Values, pairs[n].Second);
                after[n] = _groups[i].Intern(before[pairs[n].First], id);
            }

            before = after;
        }

        return before;
    }

    /// <summary>Writes for each attribute its values and which of them stand behind which groups.</summary>
    public void Write(PartWriter writer)
    {
        for (var i = 0; i < _columns.Length; i++)
        {
            _columns[i].Values.Write(writer);
            _groups[i].Write(writer);
        }
    }

    /// <summary>Reads them into keys that have numbered nothing.</summary>
    public void Read(ref PartReader reader)
    {
        var before = 1;
        for (var i = 0; i < _columns.Length; i++)
        {
            _columns[i].Values.Read(ref reader);
            _groups[i].Read(ref reader, before, secondLeast: 0, _columns[i].Values.Count, "a group");
            before = _groups[i].Count;
        }
    }

    /// <summary>The labels of a group; those that are nil are left out, unless all are: then the first stays, as the text "nil".</summary>
    public List<AttributeResult> Labels(int number)
    {
        var labels = new List<AttributeResult>(_columns.Length);
        for (var i = _columns.Length - 1; i >= 0; i--)
        {
            var (first, second) = _groups[i].Pairs[number];
            if (_columns[i].Values.Label(second) is { } value) labels.Add(new AttributeResult(Names[i], value));
            number = first;
        }

        labels.Reverse();
        if (labels.Count == 0 && _columns.Length > 0) labels.Add(new AttributeResult(Names[0], ShownValue.Nil));
        return labels;
    }
}
