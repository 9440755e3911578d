using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.TraceQL.Parse;

/// <summary>Expressions over one span.</summary>
internal sealed partial class Parser
{
    private const string NilOperators = "= or !=";

    private FieldExpression? ParseField() => ParseField(Level.Logical);

    /// <summary>An expression of operators that bind at least as tightly as <paramref name="minLevel"/>.</summary>
    private FieldExpression? ParseField(Level minLevel)
    {
        FieldExpression? left = minLevel == Level.Logical ? ParseMatcher()
            : At(Keywords.Nil) ? ParseLeadingNil(minLevel)
            : ParsePrefixed();
        while (left is not null && TryFieldOperator(out FieldOperator op, out Level level) && level >= minLevel)
        {
            if (level == Level.Logical)
            {
                left = ParseChain(op, left);
                continue;
            }

            Advance();
            FieldExpression? right = op is FieldOperator.Equal or FieldOperator.NotEqual && Take(Keywords.Nil)
                ? new Literal(TraceQlValue.Nil)
                : ParseRightSide(level);
            left = right is null ? null : Bounded(ConstantFolding.Binary(op, left, right));
        }

        return left;
    }

    /// <summary>The right operand of an operator; as <c>^</c> leans right, a row of it is nesting.</summary>
    private FieldExpression? ParseRightSide(Level level)
    {
        if (level != Level.Power)
            return ParseField(level + 1);
        if (!Enter())
            return null;
        FieldExpression? right = ParseField(Level.Power);
        _nesting--;
        return right;
    }

    /// <summary>The operands of one run of the same logical operator.</summary>
    private FieldExpression? ParseChain(FieldOperator op, FieldExpression first)
    {
        var operands = new List<FieldExpression> { first };
        while (Take(op.Text()))
        {
            FieldExpression? operand = ParseMatcher();
            if (operand is null)
                return null;
            operands.Add(operand);
        }

        return Bounded(LogicalChain.Build(op, operands));
    }

    /// <summary>An operand of a logical operator. While the user is typing, one that cannot be read counts as true.</summary>
    private FieldExpression? ParseMatcher()
    {
        int nesting = _nesting;
        int openParentheses = _openParentheses;
        int recoveries = _recoveries;
        FieldExpression? matcher = ParseField(Level.Comparison);
        if (!_lenient)
            return matcher;
        if (matcher is not null && IsMatcherEnd)
        {
            // Within `!(…)` or `(…) = 1` a recovered part would not count as true any more, so the whole is replaced.
            bool isTrustworthy = recoveries == _recoveries || matcher is BinaryExpression { Op: FieldOperator.And or FieldOperator.Or };
            return isTrustworthy ? matcher : Literal.True;
        }

        _recoveries++;
        Error = null;
        while (_token.Kind != TokenKind.End && !At("}") && !(IsMatcherEnd && _openParentheses <= openParentheses))
            Advance();
        _nesting = nesting;
        _openParentheses = openParentheses;
        return Literal.True;
    }

    private bool IsMatcherEnd => _token.Kind == TokenKind.End || At("&&") || At("||") || At(")") || At("}");

    /// <summary>nil stands only beside = and !=, so one that leads an expression must be followed by them.</summary>
    private FieldExpression? ParseLeadingNil(Level minLevel)
    {
        Advance();
        if (!At("=") && !At("!="))
            return Unexpected<FieldExpression>(NilOperators);
        var nil = new Literal(TraceQlValue.Nil);
        if (minLevel <= Level.Comparison)
            return nil;

        // An operand of a tighter operator: `1 + nil = 2` reads 1 + (nil = 2), and then has wrong types.
        if (!Enter())
            return null;
        TryFieldOperator(out FieldOperator op, out _);
        Advance();
        FieldExpression? right = Take(Keywords.Nil) ? nil : ParseField(Level.Additive);
        _nesting--;
        return right is null ? null : Bounded(ConstantFolding.Binary(op, nil, right));
    }

    private FieldExpression? ParsePrefixed()
    {
        bool isNot = At("!");
        if (!isNot && !At("-"))
            return ParsePrimary();
        if (!Enter())
            return null;
        Advance();
        FieldExpression? operand = ParseField(isNot ? Level.Multiplicative : Level.Negate);
        _nesting--;
        return operand is null ? null : Bounded(ConstantFolding.Unary(isNot ? UnaryOperator.Not : UnaryOperator.Negate, operand));
    }

    private FieldExpression? ParsePrimary()
    {
        if (At("("))
        {
            if (!Enter())
                return null;
            Advance();
            FieldExpression? inner = ParseField();
            _nesting--;
            return inner is not null && Close(")") ? inner : null;
        }

        if (TryTakeLiteral(out TraceQlValue value))
            return new Literal(value);
        if (AtAttribute)
            return ParseAttribute();
        if (_token.Kind == TokenKind.Identifier && _token.Text is Keywords.Event or Keywords.Link)
            return ParseAnyOf();
        FailAtOperand();
        return null;
    }

    /// <summary>( 'event' | 'link' ) '{' field '}'. Without the brace the word means nothing.</summary>
    private AnyOf? ParseAnyOf()
    {
        Token word = _token;
        Advance();
        if (!At("{"))
        {
            FailWith(word, $"unknown identifier: {word.Text}");
            return null;
        }

        if (!Enter())
            return null;
        Advance();
        FieldExpression? condition = ParseField();
        _nesting--;
        return condition is not null && Close("}") ? Bounded(new AnyOf(word.Text == Keywords.Event, condition)) : null;
    }

    private bool AtAttribute =>
        _token.Kind == TokenKind.Symbol
        && (Keywords.Scopes.ContainsKey(_token.Text) || Keywords.BareIntrinsics.ContainsKey(_token.Text)
            || Keywords.ScopedIntrinsics.ContainsKey(_token.Text));

    /// <summary>An attribute or intrinsic.</summary>
    private AttributeRef? ParseAttribute()
    {
        if (!AtAttribute)
            return Unexpected<AttributeRef>();
        string start = _token.Text;
        Advance();
        if (Keywords.BareIntrinsics.TryGetValue(start, out Intrinsic bare))
            return new AttributeRef(bare);
        if (Keywords.ScopedIntrinsics.TryGetValue(start, out var choices))
            return ParseScopedIntrinsic(choices);
        string name = _token.Text;
        if (_token.Kind != TokenKind.AttributeName)
            return Unexpected<AttributeRef>("IDENTIFIER");
        Advance();
        return new AttributeRef(Keywords.Scopes[start], name);
    }

    private AttributeRef? ParseScopedIntrinsic((string Word, Intrinsic Intrinsic)[] choices)
    {
        foreach ((string word, Intrinsic intrinsic) in choices)
        {
            // Words that Tempo does not have are not reserved.
            if (Take(word) || TakeIdentifier(word))
                return new AttributeRef(intrinsic);
        }

        // An error names what could stand here only when that is a short list.
        const int longestList = 4;
        return Unexpected<AttributeRef>(choices.Length > longestList ? null : string.Join(" or ", choices.Select(choice => choice.Word)));
    }

    private bool TakeIdentifier(string word)
    {
        if (_token.Kind != TokenKind.Identifier || _token.Text != word)
            return false;
        Advance();
        return true;
    }

    /// <summary>attribute { ',' attribute } ')'.</summary>
    private AstList<AttributeRef>? ParseAttributeList()
    {
        var attributes = new List<AttributeRef>();
        do
        {
            if (ParseAttribute() is not { } attribute)
                return null;
            attributes.Add(attribute);
        }
        while (Take(","));
        return Take(")") ? [.. attributes] : Unexpected<AstList<AttributeRef>>(") or ,");
    }

    private bool TryFieldOperator(out FieldOperator op, out Level level)
    {
        (op, level) = _token.Kind != TokenKind.Symbol ? (default, (Level)(-1)) : _token.Text switch
        {
            "&&" => (FieldOperator.And, Level.Logical),
            "||" => (FieldOperator.Or, Level.Logical),
            "=" => (FieldOperator.Equal, Level.Comparison),
            "!=" => (FieldOperator.NotEqual, Level.Comparison),
            "<" => (FieldOperator.Less, Level.Comparison),
            "<=" => (FieldOperator.LessOrEqual, Level.Comparison),
            ">" => (FieldOperator.Greater, Level.Comparison),
            ">=" => (FieldOperator.GreaterOrEqual, Level.Comparison),
            "=~" => (FieldOperator.Matches, Level.Comparison),
            "!~" => (FieldOperator.NotMatches, Level.Comparison),
            "+" => (FieldOperator.Add, Level.Additive),
            "-" => (FieldOperator.Subtract, Level.Additive),
            "*" => (FieldOperator.Multiply, Level.Multiplicative),
            "/" => (FieldOperator.Divide, Level.Multiplicative),
            "%" => (FieldOperator.Modulo, Level.Multiplicative),
            "^" => (FieldOperator.Power, Level.Power),
            _ => (default, (Level)(-1)),
        };
        return level >= Level.Logical;
    }
}
