using System.Runtime.CompilerServices;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// Comparisons of one field with literals, of which any (or all) must hold: <c>= "a"</c>; <c>= "a" || = "b" || =~ "c.*"</c>;
/// <c>!= 1 &amp;&amp; != 2</c>. On plain values it is quick, on arrays it asks the comparisons. One thread's.
/// </summary>
internal sealed class ValueTest
{
    /// <summary>An unscoped attribute lies in at most four tables: generic and dedicated, of the span and of its resource.</summary>
    private const int KnownTables = 4;

    /// <summary>Equalities from which on they are looked up and not tried one after the other.</summary>
    private const int MinSetSize = 4;

    private readonly Comparison[] _comparisons;
    private readonly bool _isAll;
    private readonly bool _isBare;

    // For one comparison with a whole number: what passes, or (!=) what does not.
    private readonly long _min;
    private readonly long _max;
    private readonly bool _isOutside;
    private readonly HashSet<byte[]>.AlternateLookup<ReadOnlySpan<byte>> _texts;
    private readonly HashSet<long>? _numbers;
    private readonly TextAnswers?[] _answers = new TextAnswers?[KnownTables];
    private readonly List<int> _codes = [];
    private StringTable? _codesTable;
    private int _codesCount;
    private int _codesVersion;
    private int _next;

    /// <param name="comparisons">Of one field, with literals of one kind: texts, numbers, …</param>
    /// <param name="isAll">All must hold, else any.</param>
    /// <param name="isBare">It stands for a bare <c>.x</c> or <c>!.x</c>: a list of values is none.</param>
    public ValueTest(IReadOnlyList<Comparison> comparisons, bool isAll, bool isBare = false)
    {
        _isBare = isBare;
        _comparisons = [.. comparisons];
        _isAll = isAll;
        IsExistence = comparisons[0].IsExistence;
        var literal = comparisons[0].ComparedTo!.Value;
        Literal = literal.Type;
        if (comparisons.Count == 1 && literal.Type is FieldType.Int or FieldType.Duration)
        {
            IsWholeRange = true;
            (_min, _max, _isOutside) = RangeOf(comparisons[0].Op, literal.Bits);
        }

        var areEqualities = !isAll && comparisons.All(static c => c.Op == FieldOperator.Equal);
        if (areEqualities && Literal == FieldType.String)
        {
            if (comparisons.Count == 1) EqualText = literal.Utf8.ToArray();
            else if (comparisons.Count >= MinSetSize)
                _texts = new HashSet<byte[]>(comparisons.Select(static c => c.ComparedTo!.Value.Utf8.ToArray()),
                    BytesComparer.Instance).GetAlternateLookup<ReadOnlySpan<byte>>();
        }

        if (areEqualities && comparisons.Count >= MinSetSize
            && comparisons.All(static c => c.ComparedTo!.Value.Type is FieldType.Int or FieldType.Duration))
            _numbers = [.. comparisons.Select(static c => c.ComparedTo!.Value.Bits)];
    }

    // Inclusive; a minimum above the maximum is nothing.
    private static (long Min, long Max, bool IsOutside) RangeOf(FieldOperator op, long literal) => op switch
    {
        FieldOperator.Equal => (literal, literal, false),
        FieldOperator.NotEqual => (literal, literal, true),
        FieldOperator.Less => literal == long.MinValue ? (1, 0, false) : (long.MinValue, literal - 1, false),
        FieldOperator.LessOrEqual => (long.MinValue, literal, false),
        FieldOperator.Greater => literal == long.MaxValue ? (1, 0, false) : (literal + 1, long.MaxValue, false),
        _ => (literal, long.MaxValue, false),
    };

    /// <summary>Type of the literals: String, Bool, Int (any numbers), Nil (existence), …</summary>
    public FieldType Literal { get; }

    /// <summary>Is it <c>!= nil</c> or <c>= nil</c>? Then only <see cref="AcceptsNil"/> matters.</summary>
    public bool IsExistence { get; }

    /// <summary>Is it <c>= nil</c>?</summary>
    public bool AcceptsNil => IsExistence && _comparisons[0].Op == FieldOperator.Equal;

    /// <summary>It is <c>!=</c> a number, which holds of what is not a number, too: that lies in no range.</summary>
    public bool HoldsOfNaN => _comparisons[0].Op == FieldOperator.NotEqual;

    /// <summary>The text that a value must equal, if that is all.</summary>
    public byte[]? EqualText { get; }

    /// <summary>The comparison, if it is one.</summary>
    public Comparison? Single => _comparisons.Length == 1 ? _comparisons[0] : null;

    /// <summary>The parts of attributes that can hold a value of the literals' type.</summary>
    public AttributeParts Parts => Literal switch
    {
        FieldType.String => AttributeParts.Texts,
        FieldType.Int or FieldType.Float or FieldType.Duration => AttributeParts.Ints | AttributeParts.Doubles,
        FieldType.Bool => AttributeParts.Bools,
        FieldType.Nil => AttributeParts.All,
        _ => AttributeParts.None,
    };

    /// <summary>What numbers that pass lie between, inclusive; rounded as a double is, which errs to the wider side.</summary>
    public (double Min, double Max) Numbers
    {
        get
        {
            double min = double.PositiveInfinity, max = double.NegativeInfinity;
            foreach (var comparison in _comparisons)
            {
                var literal = comparison.ComparedTo!.Value.AsDouble;
                var (low, high) = comparison.Op switch
                {
                    FieldOperator.Equal => (literal, literal),
                    FieldOperator.Less or FieldOperator.LessOrEqual => (double.NegativeInfinity, literal),
                    FieldOperator.Greater or FieldOperator.GreaterOrEqual => (literal, double.PositiveInfinity),
                    _ => (double.NegativeInfinity, double.PositiveInfinity),
                };
                (min, max) = (Math.Min(min, low), Math.Max(max, high));
            }

            return (min, max);
        }
    }

    /// <summary>Guess: the share of values of which it holds.</summary>
    public double Selectivity => _comparisons[0].Op switch
    {
        FieldOperator.Equal when IsExistence => 0.9,
        FieldOperator.Equal => Math.Min(0.5, 0.02 * _comparisons.Length),
        FieldOperator.Matches => 0.1,
        FieldOperator.NotEqual when IsExistence => 0.3,
        FieldOperator.NotEqual or FieldOperator.NotMatches => 0.8,
        _ => 0.3,
    };

    public bool Holds(in FieldValue value)
    {
        if (_isBare && value.Type == FieldType.Array) return false;
        foreach (var comparison in _comparisons)
            if (comparison.HoldsOf(value) != _isAll)
                return !_isAll;
        return _isAll;
    }

    /// <summary>It is one comparison with a whole number, so that of ints it is <see cref="HoldsOfWhole"/>.</summary>
    public bool IsWholeRange { get; }

    /// <summary>Does it hold of this int?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool HoldsOfWhole(long number) => (number >= _min & number <= _max) != _isOutside;

    public bool HoldsOfNumber(FieldType type, long bits) =>
        _numbers is not null && type == FieldType.Int ? _numbers.Contains(bits) : Holds(FieldValue.Number(type, bits));

    public bool HoldsOfText(StringTable table, int code) => AnswersOf(table)[code];

    /// <summary>The answers for the entries of a table.</summary>
    public TextAnswers AnswersOf(StringTable table)
    {
        foreach (var known in _answers)
            if (known is not null && ReferenceEquals(known.Table, table))
            {
                known.Refresh();
                return known;
            }

        var answers = new TextAnswers(table, AskText);
        _answers[_next] = answers;
        _next = (_next + 1) % KnownTables;
        return answers;
    }

    /// <summary>Marks the rows whose text passes.</summary>
    public void MarkTexts(KernelKind kernel, ReadOnlySpan<int> codes, StringTable table, Span<ulong> marks)
    {
        if (EqualText is null)
        {
            AnswersOf(table).Mark(kernel, codes, marks);
            return;
        }

        var equal = EqualCodes(kernel, table);
        if (equal.Count == 0) marks.Clear();
        else if (equal.Count == 1) MarkKernel.Run(kernel, codes, new EqualTo<int>(equal[0]), marks);
        else AnswersOf(table).Mark(kernel, codes, marks);
    }

    /// <summary>Does any entry pass? Asks each, and remembers.</summary>
    public bool HoldsOfAny(StringTable table)
    {
        var answers = AnswersOf(table);
        var any = false;
        for (var code = 0; code < table.Count; code++) any |= answers[code];
        return any;
    }

    /// <summary>The entries that equal <see cref="EqualText"/>: the first thing to know, since mostly there is none.</summary>
    public List<int> EqualCodes(KernelKind kernel, StringTable table)
    {
        var count = table.Count;
        if (ReferenceEquals(_codesTable, table) && _codesCount == count && _codesVersion == table.Version) return _codes;
        _codes.Clear();
        EntryKernel.Find(kernel, table, count, EqualText, _codes);
        (_codesTable, _codesCount, _codesVersion) = (table, count, table.Version);
        return _codes;
    }

    private bool AskText(StringTable table, int code) =>
        _texts.Set is not null ? _texts.Contains(table[code]) : Holds(FieldValue.Text(table, code));

    public override string ToString()
    {
        const int MaxShown = 3;
        var shown = _comparisons.Take(MaxShown).Select(static c => $"{c.Op.Text()} {c.ComparedTo!.Literal}");
        return string.Join(_isAll ? " and " : " or ", shown)
            + (_comparisons.Length > MaxShown ? $" and {_comparisons.Length - MaxShown} more" : "");
    }

    private sealed class BytesComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly BytesComparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
