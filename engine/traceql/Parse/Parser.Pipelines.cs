using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;

namespace Tempo.Engine.TraceQL.Parse;

/// <summary>
/// Everything outside braces. What a parenthesis at this level holds (spansets, a pipeline, a number, metrics) shows only at
/// its end, so operands are read first and each operator then looks at what it stands between.
/// </summary>
internal sealed partial class Parser
{
    /// <summary>
    /// stage { '|' stage } [ '|' metrics ], of the whole query or of a parenthesis in it. The node is a
    /// <see cref="PipelineExpression"/>, <see cref="MetricsExpression"/>, <see cref="SpansetExpression"/> or
    /// <see cref="ScalarExpression"/>.
    /// </summary>
    private TraceQlNode? ParseSequence(bool isRoot)
    {
        TraceQlNode? first = At(Keywords.By) ? ParseGroupBy()
            : At(Keywords.Select) ? ParseSelect()
            : ParseOperations(Level.Logical, allowPipelines: true);
        if (first is not PipelineStage firstStage)
            return first;
        if (!At("|"))
            return first is SpansetExpression ? first : new Pipeline([firstStage]);

        var stages = new List<PipelineStage> { firstStage };
        while (Take("|"))
        {
            if (AtMetricsStage)
            {
                MetricsStage? metrics = ParseMetricsStage();
                return metrics is null ? null : ParseSecondStages(new MetricsPipeline(new Pipeline([.. stages]), metrics));
            }

            switch (ParseStage())
            {
                case null:
                    return null;
                case PipelineStage stage:
                    stages.Add(stage);
                    break;
                case Aggregate aggregate when !isRoot && At(")"):
                    return new ScalarPipeline(new Pipeline([.. stages]), aggregate);
                default:
                    return Unexpected<TraceQlNode>();
            }
        }

        return new Pipeline([.. stages]);
    }

    private TraceQlNode? ParseStage() =>
        At(Keywords.By) ? ParseGroupBy()
        : At(Keywords.Coalesce) ? ParseCoalesce()
        : At(Keywords.Select) ? ParseSelect()
        : ParseOperations(Level.Logical, allowPipelines: false);

    private GroupBy? ParseGroupBy()
    {
        Advance();
        if (!Expect("(") || ParseField() is not { } key)
            return null;
        return Close(")") ? new GroupBy(key) : null;
    }

    private Coalesce? ParseCoalesce()
    {
        Advance();
        return Expect("(") && Expect(")") ? new Coalesce() : null;
    }

    private Select? ParseSelect()
    {
        Advance();
        return Expect("(") && ParseAttributeList() is { } attributes ? new Select(attributes) : null;
    }

    /// <summary>'{' [ field ] '}'.</summary>
    private SpansetFilter? ParseFilter()
    {
        Advance();
        if (Take("}"))
            return new SpansetFilter(Literal.True);
        return ParseField() is { } condition && Close("}") ? new SpansetFilter(condition) : null;
    }

    /// <summary>Operands and operators between bars; <paramref name="allowPipelines"/>: a parenthesis may hold bars itself.</summary>
    private TraceQlNode? ParseOperations(Level minLevel, bool allowPipelines)
    {
        TraceQlNode? left = ParseOperand(allowPipelines);
        while (left is not null && TryOperator(left, out Level level) && level >= minLevel)
        {
            Token op = _token;
            TryFieldOperator(out FieldOperator fieldOp, out _);
            Advance();
            Token rightStart = _token;
            TraceQlNode? right = ParseRightOperations(level, allowPipelines);
            if (right is null)
                return null;
            left = Bounded(left is SpansetExpression or PipelineExpression
                ? CombineSpansets(op.Text, left, right, rightStart)
                : CombineNumbers(fieldOp, left, right, op, rightStart));
        }

        return left;
    }

    private TraceQlNode? ParseRightOperations(Level level, bool allowPipelines)
    {
        if (level != Level.Power)
            return ParseOperations(level + 1, allowPipelines);
        if (!Enter())
            return null;
        TraceQlNode? right = ParseOperations(Level.Power, allowPipelines);
        _nesting--;
        return right;
    }

    /// <summary>The level of the current token as an operator behind <paramref name="left"/>; false if it is none there.</summary>
    private bool TryOperator(TraceQlNode left, out Level level)
    {
        level = default;
        if (left is SpansetExpression or PipelineExpression)
        {
            if (_token.Kind != TokenKind.Symbol || !TrySpansetOperator(_token.Text, out SpansetOperator spansetOp))
                return false;
            level = spansetOp is SpansetOperator.And or SpansetOperator.Or ? Level.Logical : Level.Comparison;
            return true;
        }

        if (!TryFieldOperator(out FieldOperator op, out level))
            return false;
        return left switch
        {
            MetricsExpression => op.IsArithmetic() && IsScalarArithmetic(op),
            ScalarExpression => op.IsComparison() || op.IsArithmetic(),
            _ => false,
        };
    }

    private TraceQlNode? ParseOperand(bool allowPipelines)
    {
        if (At("{"))
            return ParseFilter();
        if (_token.Kind is TokenKind.Integer or TokenKind.Float or TokenKind.Duration && TryTakeLiteral(out TraceQlValue value))
            return new ScalarLiteral(value);
        if (_token.Kind == TokenKind.Symbol && Keywords.Aggregates.TryGetValue(_token.Text, out AggregateFunction function))
            return ParseAggregate(function);
        if (!At("(") && !At("-"))
            return Unexpected<TraceQlNode>();
        if (!Enter())
            return null;
        TraceQlNode? operand = At("-") ? ParseNegatedScalar(allowPipelines) : ParseParenthesis(allowPipelines);
        _nesting--;
        return operand;
    }

    private TraceQlNode? ParseParenthesis(bool allowPipelines)
    {
        Advance();
        TraceQlNode? inner = allowPipelines ? ParseSequence(isRoot: false) : ParseOperations(Level.Logical, allowPipelines: false);
        if (inner is null)
            return null;
        return inner is not ScalarFilter && Close(")") ? inner : Unexpected<TraceQlNode>();
    }

    private ScalarLiteral? ParseNegatedScalar(bool allowPipelines)
    {
        Advance();
        Token start = _token;
        TraceQlNode? operand = ParseOperand(allowPipelines);
        if (operand is null)
            return null;
        if (operand is ScalarExpression scalar && Folded(scalar) is ScalarLiteral literal
            && ConstantFolding.TryNegate(literal.Value, out TraceQlValue negated))
            return new ScalarLiteral(negated);
        Fail(start);
        return null;
    }

    private Aggregate? ParseAggregate(AggregateFunction function)
    {
        Advance();
        if (!Expect("("))
            return null;
        if (function == AggregateFunction.Count)
            return Expect(")") ? new Aggregate(function, null) : null;
        return ParseField() is { } operand && Close(")") ? new Aggregate(function, operand) : null;
    }

    /// <summary>Two spansets give a spanset; as soon as one side is a pipeline, both count as pipelines.</summary>
    private TraceQlNode? CombineSpansets(string symbol, TraceQlNode left, TraceQlNode right, Token rightStart)
    {
        TrySpansetOperator(symbol, out SpansetOperator op);
        if (left is SpansetExpression leftSpanset && right is SpansetExpression rightSpanset)
            return new SpansetOperation(op, leftSpanset, rightSpanset);
        if (right is SpansetExpression or PipelineExpression)
            return new PipelineOperation(op, AsPipeline(left), AsPipeline(right));
        Fail(rightStart);
        return null;
    }

    private TraceQlNode? CombineNumbers(FieldOperator op, TraceQlNode left, TraceQlNode right, Token opToken, Token rightStart)
    {
        if (left is ScalarExpression leftScalar && right is ScalarExpression rightScalar)
        {
            if (op.IsComparison())
            {
                ScalarExpression? leftFolded = Folded(leftScalar);
                ScalarExpression? rightFolded = Folded(rightScalar);
                return leftFolded is null || rightFolded is null ? null : new ScalarFilter(leftFolded, op, rightFolded);
            }

            // Constants know four operators only; % and ^ need an aggregate on one side.
            if (IsScalarArithmetic(op) || HasAggregate(leftScalar) || HasAggregate(rightScalar))
                return new ScalarOperation(op, leftScalar, rightScalar);
            Fail(opToken);
            return null;
        }

        if (IsScalarArithmetic(op) && (left is MetricsExpression || right is MetricsExpression))
        {
            // A spanset, an aggregate or a duration beside metrics has no meaning.
            MetricsExpression? leftMetrics = AsMetrics(left);
            MetricsExpression? rightMetrics = AsMetrics(right);
            if (leftMetrics is not null && rightMetrics is not null)
                return new MetricsOperation(op, leftMetrics, rightMetrics);
        }

        Fail(rightStart);
        return null;
    }

    private MetricsExpression? AsMetrics(TraceQlNode node) => node switch
    {
        MetricsExpression metrics => metrics,
        ScalarExpression scalar when !HasDuration(scalar) && Folded(scalar) is ScalarLiteral literal => new MetricsScalar(literal.Value),
        _ => null,
    };

    private ScalarExpression? Folded(ScalarExpression scalar)
    {
        ScalarExpression? folded = ConstantFolding.Scalar(scalar);
        if (folded is null)
            FailWith(_token, "constant cannot be computed: division by zero or out of range");
        return folded;
    }

    private static PipelineExpression AsPipeline(TraceQlNode node) =>
        node is PipelineStage stage ? new Pipeline([stage]) : (PipelineExpression)node;

    private static bool IsScalarArithmetic(FieldOperator op) =>
        op is FieldOperator.Add or FieldOperator.Subtract or FieldOperator.Multiply or FieldOperator.Divide;

    private static bool HasAggregate(ScalarExpression scalar) => scalar switch
    {
        ScalarLiteral => false,
        ScalarOperation operation => HasAggregate(operation.Left) || HasAggregate(operation.Right),
        _ => true,
    };

    private static bool HasDuration(ScalarExpression scalar) => scalar switch
    {
        ScalarLiteral literal => literal.Value.Type == TraceQlType.Duration,
        ScalarOperation operation => HasDuration(operation.Left) || HasDuration(operation.Right),
        _ => false,
    };

    private static bool TrySpansetOperator(string symbol, out SpansetOperator op)
    {
        for (op = SpansetOperator.And; op <= SpansetOperator.UnionSibling; op++)
        {
            if (op.Text() == symbol)
                return true;
        }

        return false;
    }
}
