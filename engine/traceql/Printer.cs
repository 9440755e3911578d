using System.Globalization;
using System.Text;
using Tempo.Engine.TraceQL.Ast;
using Tempo.Engine.TraceQL.Fold;
using Tempo.Engine.TraceQL.Parse;
using Tempo.Engine.TraceQL.Text;

namespace Tempo.Engine.TraceQL;

/// <summary>
/// Writes a tree as text that parses back to an equal tree. Operands that are operations stand in parentheses, strings
/// in backquotes, durations as Go writes them. The texts of <c>by( )</c> and of aggregates are keys in search answers, and
/// those of attributes are label names in metrics, so they are Tempo's.
/// </summary>
internal static class Printer
{
    internal static string Print(TraceQlNode node)
    {
        var builder = new StringBuilder();
        Append(builder, node);
        return builder.ToString();
    }

    internal static string Print(TraceQlValue value)
    {
        var builder = new StringBuilder();
        AppendValue(builder, value);
        return builder.ToString();
    }

    private static void Append(StringBuilder builder, TraceQlNode node)
    {
        switch (node)
        {
            case TraceQlQuery query:
                Append(builder, (TraceQlNode?)query.Metrics ?? query.Pipeline!);
                AppendHints(builder, query.Hints);
                break;
            case FieldExpression field:
                AppendField(builder, field);
                break;
            case PipelineStage stage:
                AppendStage(builder, stage);
                break;
            case ScalarExpression scalar:
                AppendScalar(builder, scalar);
                break;
            case MetricsStage stage:
                AppendMetricsStage(builder, stage);
                break;
            case MetricsExpression metrics:
                AppendMetrics(builder, metrics);
                break;
            case Pipeline pipeline:
                AppendJoined(builder, pipeline.Stages, " | ");
                break;
            case PipelineOperation operation:
                AppendParenthesised(builder, operation.Left);
                builder.Append(' ').Append(operation.Op.Text()).Append(' ');
                AppendParenthesised(builder, operation.Right);
                break;
        }
    }

    private static void AppendField(StringBuilder builder, FieldExpression field)
    {
        switch (field)
        {
            case Literal literal:
                AppendValue(builder, literal.Value);
                break;
            case AttributeRef attribute:
                AppendAttribute(builder, attribute);
                break;
            case UnaryExpression unary:
                builder.Append(unary.Op.Text());
                AppendOperand(builder, unary.Operand);
                break;
            case AnyOf anyOf:
                builder.Append(anyOf.IsEvent ? Keywords.Event : Keywords.Link).Append("{ ");
                Append(builder, anyOf.Condition);
                builder.Append(" }");
                break;
            case BinaryExpression binary when LogicalChain.TryFlatten(binary) is { } operands:
                for (int i = 0; i < operands.Count; i++)
                {
                    if (i > 0)
                        builder.Append(' ').Append(binary.Op.Text()).Append(' ');
                    AppendOperand(builder, operands[i]);
                }

                break;
            case BinaryExpression binary:
                AppendOperand(builder, binary.Left);
                builder.Append(' ').Append(binary.Op.Text()).Append(' ');
                AppendOperand(builder, binary.Right);
                break;
        }
    }

    private static void AppendStage(StringBuilder builder, PipelineStage stage)
    {
        switch (stage)
        {
            case SpansetFilter filter:
                builder.Append("{ ");
                Append(builder, filter.Condition);
                builder.Append(" }");
                break;
            case SpansetOperation operation:
                AppendOperand(builder, operation.Left);
                builder.Append(' ').Append(operation.Op.Text()).Append(' ');
                AppendOperand(builder, operation.Right);
                break;
            case ScalarFilter filter:
                AppendOperand(builder, filter.Left);
                builder.Append(' ').Append(filter.Op.Text()).Append(' ');
                AppendOperand(builder, filter.Right);
                break;
            case GroupBy groupBy:
                builder.Append("by(");
                Append(builder, groupBy.Key);
                builder.Append(')');
                break;
            case Coalesce:
                builder.Append("coalesce()");
                break;
            case Select select:
                builder.Append("select(");
                AppendJoined(builder, select.Attributes, ", ");
                builder.Append(')');
                break;
        }
    }

    private static void AppendScalar(StringBuilder builder, ScalarExpression scalar)
    {
        switch (scalar)
        {
            case ScalarLiteral literal:
                AppendValue(builder, literal.Value);
                break;
            case Aggregate aggregate:
                builder.Append(Keywords.Of(aggregate.Function)).Append('(');
                if (aggregate.Operand is not null)
                    Append(builder, aggregate.Operand);
                builder.Append(')');
                break;
            case ScalarOperation operation:
                AppendOperand(builder, operation.Left);
                builder.Append(' ').Append(operation.Op.Text()).Append(' ');
                AppendOperand(builder, operation.Right);
                break;
            case ScalarPipeline pipeline:
                builder.Append('(');
                Append(builder, pipeline.Source);
                builder.Append(" | ");
                Append(builder, pipeline.Aggregate);
                builder.Append(')');
                break;
        }
    }

    private static void AppendMetrics(StringBuilder builder, MetricsExpression metrics)
    {
        switch (metrics)
        {
            case MetricsPipeline pipeline:
                Append(builder, pipeline.Source);
                builder.Append(" | ");
                Append(builder, pipeline.Stage);
                break;
            case MetricsTopBottom topBottom:
                Append(builder, topBottom.Inner);
                builder.Append(
                    CultureInfo.InvariantCulture, $" | {(topBottom.IsTop ? Keywords.TopK : Keywords.BottomK)}({topBottom.Limit})");
                break;
            case MetricsFilter filter:
                Append(builder, filter.Inner);
                builder.Append(' ').Append(filter.Op.Text()).Append(' ');
                AppendValue(builder, filter.Threshold);
                break;
            case MetricsOperation operation:
                AppendOperand(builder, operation.Left);
                builder.Append(' ').Append(operation.Op.Text()).Append(' ');
                AppendOperand(builder, operation.Right);
                break;
            case MetricsScalar scalar:
                AppendValue(builder, scalar.Value);
                break;
        }
    }

    private static void AppendMetricsStage(StringBuilder builder, MetricsStage stage)
    {
        switch (stage)
        {
            case MetricsFunction function:
                builder.Append(Keywords.Of(function.Kind)).Append('(');
                if (function.Attribute is not null)
                    AppendAttribute(builder, function.Attribute);
                foreach (double quantile in function.Quantiles)
                    builder.Append(", ").Append(quantile.ToString("R", CultureInfo.InvariantCulture));
                builder.Append(')');
                if (function.By.Count > 0)
                {
                    builder.Append(" by(");
                    for (int i = 0; i < function.By.Count; i++)
                    {
                        builder.Append(i > 0 ? ", " : "");
                        Append(builder, function.By[i]);
                        if (function.Aliases.Count > 0 && function.Aliases[i].Length > 0)
                            builder.Append(' ').Append(Keywords.As).Append(' ').Append(StringText(function.Aliases[i]));
                    }

                    builder.Append(')');
                }

                break;
            case MetricsCompare compare:
                builder.Append("compare(");
                Append(builder, compare.Selection);
                builder.Append(CultureInfo.InvariantCulture, $", {compare.TopValues}");
                if (compare.StartUnixNano is not null)
                    builder.Append(CultureInfo.InvariantCulture, $", {compare.StartUnixNano}, {compare.EndUnixNano}");
                builder.Append(')');
                break;
        }
    }

    private static void AppendHints(StringBuilder builder, AstList<Hint> hints)
    {
        if (hints.Count == 0)
            return;
        string separator = " with(";
        foreach (Hint hint in hints)
        {
            builder.Append(separator).Append(hint.Name).Append('=');
            AppendValue(builder, hint.Value);
            separator = ", ";
        }

        builder.Append(')');
    }

    private static void AppendOperand(StringBuilder builder, TraceQlNode node)
    {
        if (node is Literal or AttributeRef or AnyOf or SpansetFilter or ScalarLiteral or Aggregate or ScalarPipeline or MetricsScalar)
            Append(builder, node);
        else
            AppendParenthesised(builder, node);
    }

    private static void AppendParenthesised(StringBuilder builder, TraceQlNode node)
    {
        builder.Append('(');
        Append(builder, node);
        builder.Append(')');
    }

    private static void AppendJoined(StringBuilder builder, IReadOnlyList<TraceQlNode> nodes, string separator)
    {
        for (int i = 0; i < nodes.Count; i++)
        {
            if (i > 0)
                builder.Append(separator);
            Append(builder, nodes[i]);
        }
    }

    private static void AppendAttribute(StringBuilder builder, AttributeRef attribute)
    {
        if (attribute.IsIntrinsic)
            builder.Append(attribute.Name);
        else
            AttributeName.Append(builder, Keywords.Of(attribute.Scope), attribute.Name);
    }

    private static void AppendValue(StringBuilder builder, TraceQlValue value) => builder.Append(value.Type switch
    {
        // The lexer cannot read the digits of −2^63, whose magnitude is no int.
        TraceQlType.Int => value.AsInt == long.MinValue ? Keywords.MinInt : value.AsInt.ToString(CultureInfo.InvariantCulture),
        TraceQlType.Float => FloatText(value.AsFloat),
        TraceQlType.String => StringText(value.AsString),
        TraceQlType.Bool => value.AsBool ? "true" : "false",
        TraceQlType.Duration => GoDuration.Format(value.AsDurationNano),
        TraceQlType.Status => Keywords.Of(value.AsStatus),
        TraceQlType.Kind => Keywords.Of(value.AsKind),
        _ => "nil",
    });

    /// <summary>The shortest digits that read back as the same float, never without a point or exponent.</summary>
    private static string FloatText(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        return text.AsSpan().ContainsAny('.', 'e') || !double.IsFinite(value) ? text : text + ".0";
    }

    private static string StringText(string value)
    {
        // A raw string holds anything but its own quote, and loses carriage returns when it is read.
        if (!value.AsSpan().ContainsAny('`', '\r'))
            return $"`{value}`";
        return '"' + value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal) + '"';
    }
}
