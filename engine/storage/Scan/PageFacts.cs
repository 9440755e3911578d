using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Cache;
using Tempo.Engine.Storage.Blocks.Read;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// What the column indexes say of some rows of a row group: bounds of numbers and texts, and that there is no value at all, page by page.
/// Of our blocks the rows are a page, which ends at the same row in all columns; of others all pages count that have some of the rows.
/// Asked after <see cref="RowGroupFacts"/>, which know more of keys and values. Good until the reader is asked for other rows.
/// </summary>
public sealed class PageFacts : ISpanFacts
{
    private readonly RowGroupReader _rows;
    private readonly Dictionary<AttributeName, bool> _areAmongGeneric = [];
    private long _start;
    private int _count;

    internal PageFacts(RowGroupReader rows) => _rows = rows;

    internal PageFacts Of(long start, int count)
    {
        (_start, _count) = (start, count);
        return this;
    }

    public bool MayHaveKey(AttributeScope scope, byte[] key) => Ask((Scope: scope, Key: key), static (facts, asked) =>
        facts._rows.KeepsInMessages(asked.Scope)
            || facts.Any(asked.Scope, asked.Key, static (facts, path, _) => facts.HasValues(path), ["Key"], 0));

    public bool MayHaveText(AttributeScope scope, byte[] key, byte[] text) =>
        Ask((Scope: scope, Key: key, Text: text), static (facts, asked) =>
            facts._rows.KeepsInMessages(asked.Scope)
                || facts.Any(asked.Scope, asked.Key, static (facts, path, text) => facts.MayHoldText(path, text), ["Value"], asked.Text));

    public bool MayHaveNumber(AttributeScope scope, byte[] key, double min, double max) =>
        Ask((Scope: scope, Key: key, Min: min, Max: max), static (facts, asked) =>
            facts._rows.KeepsInMessages(asked.Scope)
                || facts.Any(asked.Scope, asked.Key, static (facts, path, range) => facts.MayHoldNumber(path, range.Min, range.Max),
                    ["ValueInt", "ValueDouble"], (asked.Min, asked.Max)));

    public bool MayHaveText(TextColumn column, byte[] text) => Ask((Column: column, Text: text), static (facts, asked) =>
        facts._rows.KeepsInMessages(asked.Column) || facts.MayHoldText(RowGroupFacts.PathOf(asked.Column), asked.Text));

    /// <summary>The first and the last id, both included, that a trace of it may have; all ids if they are not known.</summary>
    public (TraceId First, TraceId Last) TraceIds => Ask(this, static (facts, _) =>
        facts._rows.Columns.PageBounds("TraceID")
            .Ascending(facts._start, facts._count) is ({ Length: TraceId.SizeBytes } first, { Length: TraceId.SizeBytes } last)
            ? (TraceId.Read(first), TraceId.Read(last))
            : (default, TraceId.MaxValue));

    /// <summary>Not known of a page.</summary>
    public StringTable? Names => null;

    /// <summary>Not known of a page.</summary>
    public StringTable? ServiceNames => null;

    public (ulong Min, ulong Max) Durations => Bounds("rs.ss.Spans.DurationNano");

    public (ulong Min, ulong Max) Starts => Bounds("rs.ss.Spans.StartTimeUnixNano");

    public (ulong Min, ulong Max) StatusCodes => Bounds("rs.ss.Spans.StatusCode");

    public (ulong Min, ulong Max) Kinds => Bounds("rs.ss.Spans.Kind");

    public TraceTimes TraceTimes
    {
        get
        {
            var (minStart, maxStart) = Bounds("StartTimeUnixNano");
            return new TraceTimes(minStart, maxStart, Bounds("EndTimeUnixNano").Max);
        }
    }

    // Is something possible in one of the columns that may hold values of the key: those of its own, or one of the generic ones?
    private bool Any<TWanted>(
        AttributeScope scope, byte[] key, Func<PageFacts, string, TWanted, bool> isPossible, ReadOnlySpan<string> leaves, TWanted wanted)
    {
        var hasOwn = false;
        foreach (var own in _rows.DedicatedLeaves)
        {
            if (own.Scope != scope || !own.Key.AsSpan().SequenceEqual(key)) continue;
            if (isPossible(this, own.Path, wanted)) return true;
            hasOwn = true;
        }

        if (!HasValues(RowGroupReader.AttributePath(scope, "Key")) || hasOwn && !IsAmongGeneric(scope, key)) return false;
        foreach (var leaf in leaves)
            if (isPossible(this, RowGroupReader.AttributePath(scope, leaf), wanted))
                return true;
        return false;
    }

    // Whose key has a column of its own is found among the others where its value is of another type: mostly nobody's is.
    private bool IsAmongGeneric(AttributeScope scope, byte[] key)
    {
        var name = new AttributeName(scope, key);
        if (_areAmongGeneric.TryGetValue(name, out var known)) return known;
        return _areAmongGeneric[name] =
            !_rows.Columns.TryGetDictionary(RowGroupReader.AttributePath(scope, "Key"), out var keys) || keys.Contains(key);
    }

    private bool HasValues(string path) => _rows.Columns.Has(path) && _rows.Columns.PageBounds(path).HasValues(_start, _count);

    private bool MayHoldText(string path, byte[] text) =>
        _rows.Columns.Has(path) && _rows.Columns.PageBounds(path).MayHold(_start, _count, text);

    private bool MayHoldNumber(string path, double min, double max) =>
        _rows.Columns.Has(path) && _rows.Columns.PageBounds(path).MayHold(_start, _count, min, max);

    private (ulong Min, ulong Max) Bounds(string path) => Ask(path, static (facts, column) =>
        facts._rows.Columns.Has(column)
            ? facts._rows.Columns.PageBounds(column).Unsigned(facts._start, facts._count)
            : (0, ulong.MaxValue));

    private T Ask<TQuestion, T>(TQuestion question, Func<PageFacts, TQuestion, T> answer) =>
        BlockReadException.Guard(
            (Facts: this, Question: question, Answer: answer), static asked => asked.Answer(asked.Facts, asked.Question), _rows.OnDamage);
}
