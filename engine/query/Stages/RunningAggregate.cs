using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Stages;

/// <summary>
/// min, max, avg or sum of numbers. All ints stay an int and all durations a duration (the average of ints is a float, of
/// durations whole nanoseconds, cut); where types are mixed, sum and average are floats and min and max keep the type of the
/// number they found.
/// </summary>
internal struct RunningAggregate(AggregateFunction function)
{
    private long _count;
    private Int128 _wholeSum;
    private double _floatSum;
    private bool _isMixed;
    private FieldType _firstType;
    private FieldValue _extreme;

    public void Add(in FieldValue number)
    {
        if (_count++ == 0)
        {
            _firstType = number.Type;
            _extreme = number;
        }
        else if (IsBeyond(number))
        {
            _extreme = number;
        }

        _isMixed |= number.Type != _firstType;
        _floatSum += number.AsDouble;
        if (number.Type != FieldType.Float) _wholeSum += number.Bits;
    }

    /// <summary>Nil if there was no number.</summary>
    public readonly TraceQlValue Result
    {
        get
        {
            if (_count == 0) return TraceQlValue.Nil;
            if (function is AggregateFunction.Min or AggregateFunction.Max) return Typed(_extreme.Type, _extreme.Bits);
            var type = _isMixed ? FieldType.Float : _firstType;
            // A sum beyond 64 bits wraps.
            if (function == AggregateFunction.Sum)
                return Typed(type, type == FieldType.Float ? BitConverter.DoubleToInt64Bits(_floatSum) : unchecked((long)_wholeSum));
            if (type == FieldType.Duration) return TraceQlValue.Duration((long)(_wholeSum / _count));
            return TraceQlValue.Float((type == FieldType.Int ? (double)_wholeSum : _floatSum) / _count);
        }
    }

    private readonly bool IsBeyond(in FieldValue number)
    {
        var order = number.Type == FieldType.Float || _extreme.Type == FieldType.Float
            ? number.AsDouble.CompareTo(_extreme.AsDouble)
            : number.Bits.CompareTo(_extreme.Bits);
        return function == AggregateFunction.Min ? order < 0 : order > 0;
    }

    private static TraceQlValue Typed(FieldType type, long bits) => type switch
    {
        FieldType.Int => TraceQlValue.Int(bits),
        FieldType.Duration => TraceQlValue.Duration(bits),
        _ => TraceQlValue.Float(BitConverter.Int64BitsToDouble(bits)),
    };
}
