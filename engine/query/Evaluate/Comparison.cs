using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Evaluate;

/// <summary>A comparison of two values; for existence, the right one is nil.</summary>
internal sealed class Comparison : Operand
{
    private readonly FieldOperator _op;
    private readonly Operand _left;
    private readonly Operand _right;
    private readonly TextPattern? _pattern;
    private readonly TextMemo? _regexAnswers;

    public Comparison(FieldOperator op, Operand left, Operand right)
    {
        _op = op;
        _left = left;
        _right = right;
        Fields = [.. left.Readers().Concat(right.Readers())];
        if (!op.IsRegex()) return;
        _pattern = new TextPattern(((Constant)right).Literal.AsString);
        _regexAnswers = new TextMemo(_pattern.IsMatch);
    }

    /// <summary>The fields that are compared.</summary>
    public IReadOnlyList<FieldReader> Fields { get; }

    public FieldOperator Op => _op;

    /// <summary>The one field that is compared to a literal; null if it is any other comparison.</summary>
    public FieldReader? ComparedField => _right is Constant ? (_left as Field)?.Reader : null;

    /// <summary>The literal on the right; null if there is none.</summary>
    public Constant? ComparedTo => _right as Constant;

    /// <summary>Of a comparison with a literal: does this value of the field compare so?</summary>
    public bool HoldsOf(in FieldValue value) => value.Type != FieldType.Nil && Compare(value, ((Constant)_right).Value);

    /// <summary>Is it <c>= nil</c> or <c>!= nil</c>?</summary>
    public bool IsExistence => _right is Constant { IsNil: true };

    public override FieldValue Evaluate(in SpanCursor span) => ToValue(Test(span));

    public override IEnumerable<Comparison> Leaves() => [this];

    public override bool BindsEvent => _left.BindsEvent || _right.BindsEvent;

    public override bool BindsLink => _left.BindsLink || _right.BindsLink;

    public override IEnumerable<FieldReader> Readers() => Fields;

    public override Truth Test(in SpanCursor span)
    {
        if (IsExistence) return TestExistence(span);
        var a = _left.Evaluate(span);
        if (a.Type == FieldType.Nil) return Truth.False;
        var b = _right.Evaluate(span);
        if (b.Type == FieldType.Nil) return Truth.False;
        if (a.Type == FieldType.Unknown || b.Type == FieldType.Unknown) return Truth.Maybe;
        return Compare(a, b) ? Truth.True : Truth.False;
    }

    // "= nil" of an event's or link's field asks for an event or link that lacks it: a span without any does not match.
    private Truth TestExistence(in SpanCursor span)
    {
        if (_left is Field { Reader: { ReadsEvents: true } } && span.Event < 0
            || _left is Field { Reader: { ReadsLinks: true } } && span.Link < 0)
            return Truth.False;
        var value = _left.Evaluate(span);
        if (value.Type == FieldType.Unknown) return Truth.Maybe;
        return value.Type == FieldType.Nil == (_op == FieldOperator.Equal) ? Truth.True : Truth.False;
    }

    // Against an array: = and the orders need one element that does, != and !~ need all to differ.
    private bool Compare(in FieldValue a, in FieldValue b)
    {
        if (a.Type != FieldType.Array && b.Type != FieldType.Array) return CompareSingle(a, b);
        if (a.Type == FieldType.Array && b.Type == FieldType.Array) return false;
        var array = a.Type == FieldType.Array ? a : b;
        var all = _op is FieldOperator.NotEqual or FieldOperator.NotMatches;
        for (var i = 0; i < array.ElementCount; i++)
        {
            var holds = a.Type == FieldType.Array ? CompareSingle(array.Element(i), b) : CompareSingle(a, array.Element(i));
            if (holds != all) return holds;
        }

        return all;
    }

    /// <summary>Does one element of the field, on its own, compare so? For showing which elements matched.</summary>
    public bool HoldsFor(in FieldValue element, in SpanCursor span) => CompareSingle(element, _right.Evaluate(span));

    private bool CompareSingle(in FieldValue a, in FieldValue b)
    {
        if (_regexAnswers is not null) return a.Type == FieldType.String && Matches(a) == (_op == FieldOperator.Matches);
        if (a.IsNumeric && b.IsNumeric) return CompareNumbers(a, b);
        if (a.Type != b.Type) return false;
        if (a.Type == FieldType.String)
            return _op == FieldOperator.Equal ? a.Utf8.SequenceEqual(b.Utf8) : Holds(a.Utf8.SequenceCompareTo(b.Utf8));
        return _op switch
        {
            FieldOperator.Equal => a.Bits == b.Bits,
            FieldOperator.NotEqual => a.Bits != b.Bits,
            _ => false,
        };
    }

    private bool CompareNumbers(in FieldValue a, in FieldValue b)
    {
        if (a.Type != FieldType.Float && b.Type != FieldType.Float) return Holds(a.Bits.CompareTo(b.Bits));
        double x = a.AsDouble, y = b.AsDouble;
        return _op switch
        {
            FieldOperator.Equal => x == y,
            FieldOperator.NotEqual => x != y,
            FieldOperator.Less => x < y,
            FieldOperator.LessOrEqual => x <= y,
            FieldOperator.Greater => x > y,
            _ => x >= y,
        };
    }

    private bool Holds(int order) => _op switch
    {
        FieldOperator.Equal => order == 0,
        FieldOperator.NotEqual => order != 0,
        FieldOperator.Less => order < 0,
        FieldOperator.LessOrEqual => order <= 0,
        FieldOperator.Greater => order > 0,
        _ => order >= 0,
    };

    private bool Matches(in FieldValue text) =>
        text.Table is { } table ? _regexAnswers!.Of(table)[(int)text.Bits] : _pattern!.IsMatch(text.Utf8);
}
