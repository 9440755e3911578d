using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.TraceQL.Parse;

/// <summary>
/// Recursive descent with one token of lookahead; operators by precedence climbing (see <see cref="Level"/>). A method that
/// returns null has set <see cref="Error"/>, which is the first error of the text. Parts: Fields (inside braces), Pipelines
/// (what stands between bars), Metrics.
/// </summary>
internal sealed partial class Parser
{
    private readonly Lexer _lexer;
    private readonly bool _lenient;
    private Token _token;
    private int _nesting;
    private int _openParentheses;
    private int _recoveries;

    internal Parser(string text, bool lenient)
    {
        _lexer = new Lexer(text);
        _lenient = lenient;
        _token = _lexer.Next();
    }

    internal TraceQlError? Error { get; private set; }

    /// <summary>root := sequence [ secondStages ] { hints } end.</summary>
    internal TraceQlQuery? ParseQuery()
    {
        TraceQlNode? root = ParseSequence(isRoot: true);
        if (root is MetricsExpression parenthesised)
            root = ParseSecondStages(parenthesised);
        if (root is null)
            return null;
        if (root is ScalarExpression)
            return Unexpected<TraceQlQuery>();

        var hints = new List<Hint>();
        while (At(Keywords.With))
        {
            if (!ParseHints(hints))
                return null;
        }

        if (_token.Kind != TokenKind.End)
            return Unexpected<TraceQlQuery>(Keywords.With);
        AstList<Hint> hintList = [.. hints];
        return root is MetricsExpression metrics
            ? new TraceQlQuery(metrics, hintList)
            : new TraceQlQuery(AsPipeline(root), hintList);
    }

    /// <summary>'{' [ field ] '}' end; the condition.</summary>
    internal FieldExpression? ParseFilterOnly()
    {
        SpansetFilter? filter = ParseFilter();
        if (filter is null)
            return null;
        return _token.Kind == TokenKind.End ? filter.Condition : Unexpected<FieldExpression>(Keywords.With);
    }

    /// <summary>'with' '(' name '=' literal { ',' name '=' literal } ')'.</summary>
    private bool ParseHints(List<Hint> hints)
    {
        Advance();
        if (!Expect("("))
            return false;
        do
        {
            string name = _token.Text;
            if (_token.Kind != TokenKind.Identifier)
                return Fail("IDENTIFIER");
            Advance();
            if (!Expect("="))
                return false;
            if (!TryTakeLiteral(out TraceQlValue value) && !(name == Keywords.OrderBy && TryTakeWord(out value)))
                return FailAtOperand();
            hints.Add(new Hint(name, value));
        }
        while (Take(","));
        return Expect(")");
    }

    /// <summary>A bare word, of the language or not, as a string.</summary>
    private bool TryTakeWord(out TraceQlValue value)
    {
        value = default;
        if (_token.Kind is not (TokenKind.Identifier or TokenKind.Symbol) || !char.IsAsciiLetter(_token.Text[0])
            || _token.Text[^1] is '.' or ':')
            return false;
        value = TraceQlValue.String(_token.Text);
        Advance();
        return true;
    }

    private bool At(string symbol) => _token.Kind == TokenKind.Symbol && _token.Text == symbol;

    private void Advance()
    {
        if (At("("))
            _openParentheses++;
        else if (At(")"))
            _openParentheses--;
        _token = _lexer.Next();
    }

    private bool Take(string symbol)
    {
        if (!At(symbol))
            return false;
        Advance();
        return true;
    }

    /// <summary>Takes the symbol, or fails naming it.</summary>
    private bool Expect(string symbol) => Take(symbol) || Fail(symbol);

    /// <summary>Takes the closing symbol of something after which operators could also follow; the error names nothing.</summary>
    private bool Close(string symbol)
    {
        if (Take(symbol))
            return true;
        // What a user is typing is closed as if it were complete.
        return _lenient && _token.Kind == TokenKind.End || Fail();
    }

    private T? Unexpected<T>(string? expecting = null)
        where T : class
    {
        Fail(expecting);
        return null;
    }

    /// <summary>Sets the error "unexpected token" at the current token; false.</summary>
    private bool Fail(string? expecting = null) => Fail(_token, expecting);

    private bool Fail(Token token, string? expecting = null)
    {
        if (token.Kind == TokenKind.Error)
            return FailWith(token, token.Text);
        string expected = expecting is null ? "" : $", expecting {expecting}";
        return FailWith(token, $"syntax error: unexpected {token.DisplayName}{expected}");
    }

    /// <summary>As <see cref="Fail(string?)"/>, where an operand should be: a word that means nothing is told by its name.</summary>
    private bool FailAtOperand() =>
        _token.Kind == TokenKind.Identifier ? FailWith(_token, $"unknown identifier: {_token.Text}") : Fail();

    private bool FailWith(Token token, string message)
    {
        Error ??= new TraceQlError(
            TraceQlErrorKind.Parse, $"parse error at line {token.Line}, col {token.Column}: {message}", token.Line, token.Column);
        return false;
    }

    /// <summary>Opens a level of parentheses, prefix operators or powers; each success is paired with a decrement of the nesting.</summary>
    private bool Enter()
    {
        if (_nesting == TraceQlParser.MaxNesting)
            return FailWith(_token, $"expression is nested too deeply, the limit is {TraceQlParser.MaxNesting} levels");
        _nesting++;
        return true;
    }

    /// <summary>The node, unless its tree has become too high.</summary>
    private T? Bounded<T>(T? node)
        where T : TraceQlNode
    {
        // The roots above a field expression (filter, pipeline, query…) need some levels of their own.
        const int reserved = 10;
        if (node is null || node.Height <= TraceQlParser.MaxTreeHeight - reserved)
            return node;
        FailWith(_token, $"expression has too many operators in a row, the limit is {TraceQlParser.MaxTreeHeight - reserved} levels");
        return null;
    }

    private bool TryTakeLiteral(out TraceQlValue value)
    {
        switch (_token.Kind)
        {
            case TokenKind.String or TokenKind.Integer or TokenKind.Float or TokenKind.Duration:
                value = _token.Value;
                break;
            case TokenKind.Symbol when Keywords.Values.TryGetValue(_token.Text, out value):
                break;
            default:
                value = default;
                return false;
        }

        Advance();
        return true;
    }
}

/// <summary>How tightly operators bind, loosest first. All lean left but <see cref="Power"/>.</summary>
internal enum Level
{
    /// <summary><c>&amp;&amp; ||</c>, of the same rank.</summary>
    Logical,
    /// <summary>Comparisons, regex operators and structural operators.</summary>
    Comparison,
    Additive,
    /// <summary>Prefix <c>!</c>, looser than <c>*</c>.</summary>
    Not,
    Multiplicative,
    Power,
    /// <summary>Prefix <c>-</c>.</summary>
    Negate,
}
