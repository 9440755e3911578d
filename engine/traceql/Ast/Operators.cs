namespace Tempo.Engine.TraceQL.Ast;

/// <summary>Operators with one operand.</summary>
public enum UnaryOperator
{
    Negate,
    Not,
}

/// <summary>Operators between two values. Aggregate filters, metrics filters and metrics math use a part of them.</summary>
public enum FieldOperator
{
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// <summary><c>=~</c>: the whole text matches.</summary>
    Matches,
    /// <summary><c>!~</c>.</summary>
    NotMatches,
    And,
    Or,
}

/// <summary>Operators between two sets of spans of one trace. The answer holds spans of the right side unless it is a union.</summary>
public enum SpansetOperator
{
    /// <summary><c>&amp;&amp;</c>: all spans of both, if both have some.</summary>
    And,
    /// <summary><c>||</c>: all spans of both.</summary>
    Or,
    Child,
    Descendant,
    Parent,
    Ancestor,
    Sibling,
    NotChild,
    NotDescendant,
    NotParent,
    NotAncestor,
    NotSibling,
    UnionChild,
    UnionDescendant,
    UnionParent,
    UnionAncestor,
    UnionSibling,
}

/// <summary>Text and classes of operators.</summary>
public static class Operators
{
    public static string Text(this UnaryOperator op) => op == UnaryOperator.Not ? "!" : "-";

    public static string Text(this FieldOperator op) => op switch
    {
        FieldOperator.Add => "+",
        FieldOperator.Subtract => "-",
        FieldOperator.Multiply => "*",
        FieldOperator.Divide => "/",
        FieldOperator.Modulo => "%",
        FieldOperator.Power => "^",
        FieldOperator.Equal => "=",
        FieldOperator.NotEqual => "!=",
        FieldOperator.Less => "<",
        FieldOperator.LessOrEqual => "<=",
        FieldOperator.Greater => ">",
        FieldOperator.GreaterOrEqual => ">=",
        FieldOperator.Matches => "=~",
        FieldOperator.NotMatches => "!~",
        FieldOperator.And => "&&",
        _ => "||",
    };

    public static string Text(this SpansetOperator op) => op switch
    {
        SpansetOperator.And => "&&",
        SpansetOperator.Or => "||",
        SpansetOperator.Child => ">",
        SpansetOperator.Descendant => ">>",
        SpansetOperator.Parent => "<",
        SpansetOperator.Ancestor => "<<",
        SpansetOperator.Sibling => "~",
        SpansetOperator.NotChild => "!>",
        SpansetOperator.NotDescendant => "!>>",
        SpansetOperator.NotParent => "!<",
        SpansetOperator.NotAncestor => "!<<",
        SpansetOperator.NotSibling => "!~",
        SpansetOperator.UnionChild => "&>",
        SpansetOperator.UnionDescendant => "&>>",
        SpansetOperator.UnionParent => "&<",
        SpansetOperator.UnionAncestor => "&<<",
        _ => "&~",
    };

    /// <summary><c>+ - * / % ^</c>.</summary>
    public static bool IsArithmetic(this FieldOperator op) => op <= FieldOperator.Power;

    /// <summary><c>= != &lt; &lt;= &gt; &gt;=</c>, without the regex operators.</summary>
    public static bool IsComparison(this FieldOperator op) => op is >= FieldOperator.Equal and <= FieldOperator.GreaterOrEqual;

    /// <summary><c>&lt; &lt;= &gt; &gt;=</c>.</summary>
    public static bool IsOrder(this FieldOperator op) => op is >= FieldOperator.Less and <= FieldOperator.GreaterOrEqual;

    /// <summary><c>=~ !~</c>.</summary>
    public static bool IsRegex(this FieldOperator op) => op is FieldOperator.Matches or FieldOperator.NotMatches;

    /// <summary><c>&amp;&amp; ||</c>.</summary>
    public static bool IsLogical(this FieldOperator op) => op is FieldOperator.And or FieldOperator.Or;
}
