using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Tests;

/// <summary>
/// Random queries in the form in which the parser leaves them: constants folded, nil only beside = and !=. They need not
/// be valid.
/// </summary>
internal sealed class RandomTree(int seed)
{
    private static readonly string[] Names =
        ["a", "http.status_code", "a+1", "foo bar", "", "5x", "x\"y", "b\\c", "span.z", "naïve", "日本 😀", "a//b", "{", "-", "."];

    private static readonly string[] Strings = ["", "x", "a`b", "q\"\\`", "two\nlines", "`\r\n", "日本 😀", "[a-z]+", "// no comment"];

    private static readonly long[] Ints = [0, 1, -1, 200, long.MaxValue, long.MinValue, -9_000_000_000];

    private static readonly double[] Floats = [0, -0.0, 1, 0.1, -2.5, 1e-9, 1e300, double.MaxValue, double.Epsilon, 123456789012345680];

    private static readonly long[] Durations =
        [0, 1, -1, 999, 1_000, 1_500_000, 61_000_000_001, 3_600_000_000_000, long.MaxValue, -long.MaxValue];

    private readonly Random _random = new(seed);

    internal TraceQlQuery Query()
    {
        var hints = Enumerable.Range(0, _random.Next(3)).Select(i => new Hint("hint" + i, PositiveLiteral()));
        return _random.Next(3) == 0
            ? new TraceQlQuery(Metrics(3, isRoot: true), [.. hints])
            : new TraceQlQuery(PipelineExpression(3), [.. hints]);
    }

    private PipelineExpression PipelineExpression(int depth)
    {
        if (depth == 0 || _random.Next(3) > 0)
            return Pipeline(depth);
        PipelineExpression left = PipelineExpression(depth - 1);
        PipelineExpression right = PipelineExpression(depth - 1);
        // Between two plain spansets the operator would join the spansets themselves.
        return IsSpanset(left) && IsSpanset(right) ? left : new PipelineOperation(Pick<SpansetOperator>(), left, right);
    }

    private Pipeline Pipeline(int depth)
    {
        PipelineStage[] stages = new PipelineStage[1 + _random.Next(3)];
        for (int i = 0; i < stages.Length; i++)
            stages[i] = Stage(depth, isFirst: i == 0);
        return new Pipeline([.. stages]);
    }

    private PipelineStage Stage(int depth, bool isFirst) => _random.Next(isFirst ? 5 : 6) switch
    {
        0 => new GroupBy(Field(depth)),
        1 => new Select([.. Attributes(1)]),
        2 => new ScalarFilter(Scalar(2), Comparison(), Scalar(_random.Next(3))),
        5 => new Coalesce(),
        _ => Spanset(depth),
    };

    private SpansetExpression Spanset(int depth) => depth == 0 || _random.Next(2) == 0
        ? new SpansetFilter(Field(depth + 1))
        : new SpansetOperation(Pick<SpansetOperator>(), Spanset(depth - 1), Spanset(depth - 1));

    private ScalarExpression Scalar(int depth)
    {
        if (depth == 0)
            return new ScalarLiteral(Number());
        var function = Pick<AggregateFunction>();
        var aggregate = new Aggregate(function, function == AggregateFunction.Count ? null : Field(depth));
        return _random.Next(4) switch
        {
            0 => new ScalarOperation(Arithmetic(), aggregate, Scalar(depth - 1)),
            1 => new ScalarOperation(Arithmetic(), new ScalarLiteral(Number()), aggregate),
            _ => aggregate,
        };
    }

    private FieldExpression Field(int depth)
    {
        if (depth == 0)
            return _random.Next(3) == 0 ? new Literal(AnyLiteral()) : Attribute();
        switch (_random.Next(7))
        {
            case 6:
                return new AnyOf(_random.Next(2) == 0, Field(depth - 1));
            case 0:
                return new UnaryExpression(Pick<UnaryOperator>(), Dynamic(depth - 1));
            case 1:
                FieldOperator equality = _random.Next(2) == 0 ? FieldOperator.Equal : FieldOperator.NotEqual;
                return OnEitherSide(equality, Dynamic(depth - 1), new Literal(TraceQlValue.Nil));
            case 2:
                return Field(0);
            default:
                return OnEitherSide(Pick<FieldOperator>(), Dynamic(depth - 1), Field(depth - 1));
        }
    }

    /// <summary>No literal, so that an operation on it is no constant.</summary>
    private FieldExpression Dynamic(int depth) => Field(depth) is var field and not Literal ? field : Attribute();

    private BinaryExpression OnEitherSide(FieldOperator op, FieldExpression one, FieldExpression other) =>
        _random.Next(2) == 0 ? new BinaryExpression(op, one, other) : new BinaryExpression(op, other, one);

    private MetricsExpression Metrics(int depth, bool isRoot)
    {
        MetricsExpression metrics;
        bool isMath = depth > 0 && _random.Next(2) == 0;
        if (isMath)
        {
            MetricsExpression one = Metrics(depth - 1, isRoot: false);
            MetricsExpression other =
                _random.Next(2) == 0 ? Metrics(depth - 1, isRoot: false) : new MetricsScalar(Number(withDuration: false));
            metrics = _random.Next(2) == 0
                ? new MetricsOperation(ScalarArithmetic(), one, other)
                : new MetricsOperation(ScalarArithmetic(), other, one);
        }
        else
        {
            metrics = new MetricsPipeline(Pipeline(1), MetricsStage());
        }

        // Inside a parenthesis only a pipeline may carry second stages.
        for (int i = isMath && !isRoot ? 0 : _random.Next(3); i > 0; i--)
        {
            metrics = _random.Next(2) == 0
                ? new MetricsTopBottom(metrics, _random.Next(2) == 0, _random.Next(5))
                : new MetricsFilter(metrics, Comparison(), PositiveOr(Number));
        }

        return metrics;
    }

    private MetricsStage MetricsStage()
    {
        if (_random.Next(6) == 0)
        {
            bool hasBounds = _random.Next(2) == 0;
            return new MetricsCompare(
                new SpansetFilter(Field(1)), _random.Next(20), hasBounds ? 1 : null, hasBounds ? long.MaxValue : null);
        }

        var kind = Pick<MetricsFunctionKind>();
        double[] quantiles = kind == MetricsFunctionKind.QuantileOverTime ? [0.5, 1, 1e-7] : [];
        AttributeRef[] by = [.. Attributes(0)];
        string[] aliases = _random.Next(2) == 0 ? [] : [.. by.Select(_ => _random.Next(2) == 0 ? "" : Pick(Strings))];
        bool isRenamed = aliases.Any(alias => alias.Length > 0);
        return new MetricsFunction(
            kind, kind.HasAttribute() ? Attribute() : null, [.. quantiles], [.. by])
        { Aliases = isRenamed ? [.. aliases] : [] };
    }

    private IEnumerable<AttributeRef> Attributes(int least) =>
        Enumerable.Range(0, least + _random.Next(3)).Select(_ => Attribute()).ToArray();

    private AttributeRef Attribute()
    {
        if (_random.Next(3) == 0)
            return new AttributeRef((Intrinsic)_random.Next(1, (int)Intrinsic.ParentEnd + 1));
        return new AttributeRef((AttributeScope)_random.Next((int)AttributeScope.Intrinsic), Pick(Names));
    }

    private TraceQlValue AnyLiteral() => _random.Next(5) switch
    {
        0 => TraceQlValue.String(Pick(Strings)),
        1 => TraceQlValue.Bool(_random.Next(2) == 0),
        2 => _random.Next(2) == 0 ? TraceQlValue.Status(Pick<TraceQlStatus>()) : TraceQlValue.Kind(Pick<TraceQlKind>()),
        _ => Number(),
    };

    private TraceQlValue Number() => Number(withDuration: true);

    private TraceQlValue Number(bool withDuration) => _random.Next(withDuration ? 3 : 2) switch
    {
        0 => TraceQlValue.Int(Pick(Ints)),
        1 => TraceQlValue.Float(Pick(Floats)),
        _ => TraceQlValue.Duration(Pick(Durations)),
    };

    private TraceQlValue PositiveLiteral() => PositiveOr(AnyLiteral);

    /// <summary>Hints and metrics filters hold literals as written, and −2^63 is no literal with a sign.</summary>
    private static TraceQlValue PositiveOr(Func<TraceQlValue> next)
    {
        while (true)
        {
            TraceQlValue value = next();
            bool isNegative = value.Type is TraceQlType.Int or TraceQlType.Float or TraceQlType.Duration
                && (value.AsNumber < 0 || double.IsNegative(value.AsNumber));
            if (!isNegative)
                return value;
        }
    }

    private static bool IsSpanset(PipelineExpression expression) =>
        expression is Pipeline { Stages: [SpansetExpression] };

    private FieldOperator Comparison() => (FieldOperator)_random.Next((int)FieldOperator.Equal, (int)FieldOperator.GreaterOrEqual + 1);

    private FieldOperator Arithmetic() => (FieldOperator)_random.Next((int)FieldOperator.Power + 1);

    private FieldOperator ScalarArithmetic() => (FieldOperator)_random.Next((int)FieldOperator.Divide + 1);

    private T Pick<T>()
        where T : struct, Enum => Pick(Enum.GetValues<T>());

    private T Pick<T>(T[] choices) => choices[_random.Next(choices.Length)];
}
