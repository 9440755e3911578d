namespace Tempo.Engine.Query.Evaluate;

/// <summary>A node of a compiled field expression: gives a value, and as a condition a truth.</summary>
internal abstract class Operand
{
    public abstract FieldValue Evaluate(in SpanCursor span);

    /// <summary>As a condition: only the bool true is true; a field that is missing or of another type is false.</summary>
    public virtual Truth Test(in SpanCursor span)
    {
        var value = Evaluate(span);
        return value.Type == FieldType.Unknown ? Truth.Maybe : value.IsTrue ? Truth.True : Truth.False;
    }

    /// <summary>The comparisons below, a bare field being one with true (behind a "not", with false).</summary>
    public virtual IEnumerable<Comparison> Leaves() => [];

    /// <summary>The fields read below.</summary>
    public virtual IEnumerable<FieldReader> Readers() => [];

    /// <summary>Does its value depend on which of the span's events is looked at?</summary>
    public virtual bool BindsEvent => false;

    /// <summary>The same of links.</summary>
    public virtual bool BindsLink => false;

    /// <summary>A truth as a value.</summary>
    protected static FieldValue ToValue(Truth truth) => truth == Truth.Maybe ? FieldValue.Unknown : FieldValue.Bool(truth == Truth.True);
}
